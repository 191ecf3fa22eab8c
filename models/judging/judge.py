"""Judging: the probabilities that a model gives to whole clips, and to speakers."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from features.progress import progress
from features.store import StoreError
from models.learning.classifier import Normalised, clip_probabilities
from models.learning.data import loader


@torch.inference_mode()
def judge(model: Normalised, windows: Dataset, clips: int, device: str = "cpu") -> np.ndarray:
    """The mean probability over each clip's windows. Shape: (clips, groups) float32.

    `windows` are `Windows` or `StreamedWindows` whose targets are the clips' places in what is returned. Raises
    StoreError unless each of the clips comes once.
    """
    model = model.to(device)
    probabilities, times = None, np.zeros(clips, int)
    with progress("judge", clips, "clips") as bar:
        for features, clip, targets in loader(windows):
            given = clip_probabilities(model(features.to(device)), clip.to(device), len(targets)).cpu().numpy()
            places = targets.numpy()
            if probabilities is None:
                probabilities = np.empty((clips, given.shape[1]), np.float32)
            probabilities[places] = given  # small arrays kept from each batch fragmented the heap, by 5 MB a batch
            np.add.at(times, places, 1)
            bar.update(len(places))
    if (times != 1).any():
        raise StoreError(f"{(times > 0).sum()} of {clips} clips came to be judged, {times.sum()} in all")
    return probabilities


@dataclass(frozen=True)
class Judged:
    """What was given to some clips, or to some speakers, and what is true of them, a row each."""

    probabilities: np.ndarray  # (rows, groups)
    targets: np.ndarray  # (rows,) the group's number
    ages: np.ndarray  # (rows,) years
    speakers: np.ndarray  # (rows,)

    @property
    def given(self) -> np.ndarray:
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
