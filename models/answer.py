"""Answer: a network's output for windows, and whether it is valid: finite numbers, a row per window. Needs no torch."""

import numpy as np

from models.config import Config

QUIETEST, LOUDEST = -14.0, 12.0  # the range of LogMel's values for a recording


def example(config: Config) -> np.ndarray:
    """A window that rises from silence to the loudest sound. Shape: (1, frames, n_mels) float16."""
    shape = (1, config.frames, config.front_end.n_mels)
    return np.linspace(QUIETEST, LOUDEST, config.frames * config.front_end.n_mels, dtype=np.float16).reshape(shape)


def check_answer(logits: np.ndarray, windows: int, groups: int) -> None:
    """Raises ValueError for anything but finite logits of shape (windows, groups)."""
    kind = getattr(logits, "dtype", np.dtype(object))
    if kind.kind != "f":
        raise ValueError(f"it returns {kind} instead of floating-point numbers")
    if logits.shape != (windows, groups):
        raise ValueError(f"it returns shape {logits.shape} instead of {(windows, groups)}, a column for each group")
    if not np.isfinite(logits).all():
        raise ValueError("it returns numbers that are not finite")
