"""Judged: a model's probabilities for clips or speakers, with the true answers."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Judged:
    """Probabilities for clips or speakers, and the true answers, a row each."""

    probabilities: np.ndarray  # (rows, groups)
    targets: np.ndarray  # (rows,) the group's number
    ages: np.ndarray  # (rows,) years
    speakers: np.ndarray  # (rows,)

    @property
    def predicted(self) -> np.ndarray:
        """The most probable group. Shape: (rows,)."""
        return self.probabilities.argmax(axis=1)

    def part(self, rows: np.ndarray) -> "Judged":
        """The rows that `rows`, a mask or positions, selects."""
        return Judged(self.probabilities[rows], self.targets[rows], self.ages[rows], self.speakers[rows])

    def by_speaker(self) -> "Judged":
        """A row per speaker: the mean probability and age of their clips, and the group of most of them.

        In a tie, which a birthday can cause, the younger group counts.
        """
        names, speaker = np.unique(self.speakers, return_inverse=True)
        count = np.bincount(speaker)
        probabilities = np.zeros((len(names), self.probabilities.shape[1]))
        groups = np.zeros_like(probabilities)
        np.add.at(probabilities, speaker, self.probabilities)
        np.add.at(groups, (speaker, self.targets), 1)
        ages = np.bincount(speaker, self.ages) / count
        return Judged(probabilities / count[:, None], groups.argmax(axis=1), ages, names)
