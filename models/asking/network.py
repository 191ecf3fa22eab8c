"""Network: the trained network in a folder, run by ONNX Runtime if the folder has `model.onnx`, else by torch.

Each is imported only when used: the first needs neither torch nor the architectures, the second no ONNX Runtime.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from models.answer import check_answer, example
from models.config import ModelError, read_config, running

Network = Callable[[np.ndarray], np.ndarray]  # windows (batch, frames, values) float16 → logits (batch, groups)


def open_network(folder: Path) -> Network:
    """Raises ModelError if the folder has no network, or one that cannot be run. So does the network itself if it
    fails, or returns anything but finite numbers.
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
    """The network is tried on one window first."""
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
