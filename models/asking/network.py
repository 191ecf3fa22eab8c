"""Network: the trained network of a folder, run by ONNX Runtime where the folder holds `model.onnx`, else by torch.

Each is loaded where it is asked for: the first needs neither torch nor the architectures, the second no ONNX Runtime.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from models.answer import check_answer, example
from models.config import ModelError, read_config, running

Network = Callable[[np.ndarray], np.ndarray]  # windows (batch, frames, n_mels) float16 → logits (batch, groups)


def open_network(folder: Path) -> Network:
    """Raises ModelError for a folder that holds none, or one that cannot be run; so does the network for windows at
    which it fails, or to which it gives anything else than finite numbers.
    """
    for name, opened in {"model.onnx": by_onnx, "model.pth": by_torch}.items():
        if (folder / name).is_file():
            groups = len(read_config(folder).groups)
            with running(folder / name):
                run = opened(folder)
            return partial(answer, run, groups, folder / name)
    raise ModelError(f"{folder} holds no model: neither model.onnx nor model.pth")


def answer(run: Network, groups: int, path: Path, windows: np.ndarray) -> np.ndarray:
    with running(path):
        logits = run(windows)
        check_answer(logits, len(windows), groups)
    return logits


def by_onnx(folder: Path) -> Network:
    """Tried on a window."""
    import onnxruntime

    config, quiet = read_config(folder), onnxruntime.SessionOptions()
    quiet.log_severity_level = 4  # the error that it raises is enough
    session = onnxruntime.InferenceSession(folder / "model.onnx", quiet, providers=["CPUExecutionProvider"])

    def run(windows: np.ndarray) -> np.ndarray:
        return session.run(["logits"], {"features": windows})[0]

    check_answer(run(example(config)), 1, len(config.groups))
    return run


def by_torch(folder: Path) -> Network:
    import torch

    from models.learning.trained import load

    model, _ = load(folder)

    @torch.inference_mode()
    def run(windows: np.ndarray) -> np.ndarray:
        return model(torch.from_numpy(windows)).numpy()

    return run
