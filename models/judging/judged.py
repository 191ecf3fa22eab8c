"""Judged: the probabilities that a model gave to clips, or to speakers, beside what is true of them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Judged:
    """Probabilities of some clips, or of some speakers, and what is true of them, a row each."""

    probabilities: np.ndarray  # (rows, groups)
    targets: np.ndarray  # (rows,) the group's number
    ages: np.ndarray  # (rows,) years
    speakers: np.ndarray  # (rows,)

    @property
    def predicted(self) -> np.ndarray:
        """The most probable group. Shape: (rows,)."""
        return self.probabilities.argmax(axis=1)

    def part(self, rows: np.ndarray) -> "Judged":
        """Those that `rows`, a mask or positions, chooses."""
        return Judged(self.probabilities[rows], self.targets[rows], self.ages[rows], self.speakers[rows])

    def by_speaker(self) -> "Judged":
        """A row a speaker: the mean probability and age of their clips, and the group that most of these have.

        Among groups of equal count, which a birthday can give, the younger counts.
        """
        names, speaker = np.unique(self.speakers, return_inverse=True)
        count = np.bincount(speaker)
        probabilities = np.zeros((len(names), self.probabilities.shape[1]))
        groups = np.zeros_like(probabilities)
        np.add.at(probabilities, speaker, self.probabilities)
        np.add.at(groups, (speaker, self.targets), 1)
        ages = np.bincount(speaker, self.ages) / count
        return Judged(probabilities / count[:, None], groups.argmax(axis=1), ages, names)
