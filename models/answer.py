"""Answer: what a network gives to windows, and whether it is one: finite numbers, a row a window. Knows no torch."""

import numpy as np

from models.config import Config

QUIETEST, LOUDEST = -14.0, 12.0  # of what LogMel gives to a recording


def example(config: Config) -> np.ndarray:
    """A window that rises from silence to the loudest sound. Shape: (1, frames, n_mels) float16."""
    shape = (1, config.frames, config.front_end.n_mels)
    return np.linspace(QUIETEST, LOUDEST, config.frames * config.front_end.n_mels, dtype=np.float16).reshape(shape)


def check_answer(logits: np.ndarray, windows: int, groups: int) -> None:
    """Raises ValueError for anything else than finite logits of shape (windows, groups)."""
    kind = getattr(logits, "dtype", np.dtype(object))
    if kind.kind != "f":
        raise ValueError(f"it gives {kind}: allowed are floating-point numbers")
    if logits.shape != (windows, groups):
        raise ValueError(f"it gives numbers of shape {logits.shape}: {(windows, groups)} is allowed, a column a group")
    if not np.isfinite(logits).all():
        raise ValueError("it gives numbers that are not finite")
