"""Anew: how well calibrated a model would be, had its temperature been fitted on people of the same corpus."""

from dataclasses import dataclass

import numpy as np

from models.calibration import fit_temperature, tempered


@dataclass(frozen=True)
class Anew:
    temperatures: list[float]  # one from each half of the speakers
    probabilities: np.ndarray  # of each half by the other's temperature, (clips, groups)


def fitted_anew(raw: np.ndarray, targets: np.ndarray, speakers: np.ndarray, seed: int = 0) -> Anew:
    """Halves are drawn from the speakers, at least two. Shape: (clips, groups) probabilities, (clips,), (clips,)."""
    names, speaker = np.unique(speakers, return_inverse=True)
    is_second = (np.random.default_rng(seed).permutation(len(names)) % 2 == 1)[speaker]
    temperatures, probabilities = [], np.empty(raw.shape)
    for half in (is_second, ~is_second):
        temperatures.append(fit_temperature(raw[~half], targets[~half]))
        probabilities[half] = tempered(raw[half], temperatures[-1])
    return Anew(temperatures, probabilities)
