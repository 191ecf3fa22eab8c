"""Calibration: probabilities that mean what they say."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

BINS = 15
TINY = 1e-12  # keeps the logarithm of a probability finite
COLDEST, HOTTEST = 0.05, 20.0


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Softer probabilities for a temperature above 1, sharper ones below; the order within a clip is kept.

    The softmax of log p / temperature, which is temperature scaling (Guo et al. 2017) if a clip has one window.
    Shape: (clips, groups) → (clips, groups).
    """
    logits = np.log(np.maximum(probabilities, TINY)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """The temperature at which these clips have the lowest mean loss. Shape: (clips, groups), (clips,)."""
    rows = np.arange(len(targets))

    def loss(log_temperature: float) -> float:
        of_truth = tempered(probabilities, np.exp(log_temperature))[rows, targets]
        return float(-np.log(np.maximum(of_truth, TINY)).mean())

    bounds = np.log([COLDEST, HOTTEST])
    return round(float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x)), 4)


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """The number of the bin that each confidence is in: BINS of equal width, which include their upper edge."""
    return np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)


def reliability(probabilities: np.ndarray, targets: np.ndarray) -> pd.DataFrame:
    """`confidence`, `accuracy` and `clips` of each bin of confidence that has clips."""
    confidence = probabilities.max(axis=1)
    clips = pd.DataFrame({"confidence": confidence, "accuracy": probabilities.argmax(axis=1) == targets})
    bins = clips.groupby(bin_of(confidence))
    return bins.mean().assign(clips=bins.size()).reset_index(drop=True)
