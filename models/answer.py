"""Answer: a network's output for windows, and whether it is valid: finite numbers, a row per window. Needs no torch."""

import numpy as np

from models.config import Config

FAR = 3.0  # standard deviations from the mean, which few values are


def example(config: Config) -> np.ndarray:
    """A window whose values rise from FAR below their means to FAR above. Shape: (1, frames, values) float16."""
    steps = np.linspace(-FAR, FAR, config.frames)[None, :, None]
    return np.float16(np.array(config.mean) + steps * np.array(config.deviation))


def check_answer(logits: np.ndarray, windows: int, groups: int) -> None:
    """Raises ValueError for anything but finite logits of shape (windows, groups)."""
    kind = getattr(logits, "dtype", np.dtype(object))
    if kind.kind != "f":
        raise ValueError(f"it returns {kind} instead of floating-point numbers")
    if logits.shape != (windows, groups):
        raise ValueError(f"it returns shape {logits.shape} instead of {(windows, groups)}, a column for each group")
    if not np.isfinite(logits).all():
        raise ValueError("it returns numbers that are not finite")
