"""Network: the trained network of a folder, run by ONNX Runtime where the folder holds `model.onnx`, else by torch.

Each is loaded where it is asked for: the first needs neither torch nor the architectures, the second no ONNX Runtime.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.config import ModelError, cannot_be_run

Network = Callable[[np.ndarray], np.ndarray]  # windows (batch, frames, n_mels) float16 → logits (batch, groups)


def open_network(folder: Path) -> Network:
    """Raises ModelError for a folder that holds none, or one that cannot be run."""
    for name, opened in {"model.onnx": by_onnx, "model.pth": by_torch}.items():
        if (folder / name).is_file():
            try:
                return opened(folder)
            except ModelError:
                raise
            except Exception as error:
                raise cannot_be_run(folder / name, error) from error
    raise ModelError(f"{folder} holds no model: neither model.onnx nor model.pth")


def by_onnx(folder: Path) -> Network:
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return lambda windows: session.run(None, {"features": windows})[0]


def by_torch(folder: Path) -> Network:
    import torch

    from models.learning.trained import load

    model, _ = load(folder)

    @torch.inference_mode()
    def run(windows: np.ndarray) -> np.ndarray:
        return model(torch.from_numpy(windows)).numpy()

    return run
