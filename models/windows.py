"""Windows: a clip is judged in windows side by side, by the mean of their probabilities. Needs no torch."""

import numpy as np


def window_starts(length: int, frames: int) -> np.ndarray:
    """The starts of the fewest evenly spaced windows that cover a clip of `length` frames."""
    return np.linspace(0, max(length - frames, 0), -(-length // frames)).round().astype(np.int64)


def windows_of(features: np.ndarray, frames: int) -> np.ndarray:
    """The windows that judge a clip. Shape: (any, values) → (windows, frames, values)."""
    if len(features) < frames:
        return np.resize(features, (1, frames, features.shape[1]))
    return np.stack([features[start : start + frames] for start in window_starts(len(features), frames)])


def mean_probabilities(logits: np.ndarray, windows: list[int]) -> np.ndarray:
    """The mean probability over the windows of each clip, as in `classifier.clip_probabilities`.

    Shape: (all windows, groups), the number of windows of each clip → (clips, groups).
    """
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    begins = np.cumsum([0, *windows[:-1]])
    return np.add.reduceat(probabilities, begins) / np.array(windows)[:, None]
