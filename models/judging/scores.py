"""Scores: what was judged is worth so much, as ratios of sums over clips: all that a bootstrap needs is to sum."""

import numpy as np

from models.calibration import BINS, TINY, bin_of
from models.judging.bootstrap import SpeakerBootstrap
from models.judging.judged import Judged


def resampled_scores(judged: Judged, years: np.ndarray, bootstrap: SpeakerBootstrap) -> dict[str, np.ndarray]:
    """Each score of what was judged in row 0, then of the bootstrap's samples. Shape: (1 + resamples,) each.

    accuracy, macro_recall, macro_f1 (means over the groups that occur), within_one_group, mae_years (mean absolute
    error of the expected age, in years, where `years` (groups,) stands for the groups), loss (mean negative natural
    logarithm of the true group's probability), ece (expected calibration error over BINS bins of equal width, Guo
    et al. 2017, eq. 3); and `recall` (1 + resamples, groups), NaN for a group that does not occur.
    """
    groups = judged.probabilities.shape[1]
    sums = bootstrap.sums(summands(judged, years))
    clips, right, given, single, bins = np.split(sums, np.cumsum([groups, groups, groups, 3]), axis=1)
    count = clips.sum(axis=1)
    _, confident, bin_right = np.split(bins, 3, axis=1)
    within, error, loss = (single / count[:, None]).T
    with np.errstate(invalid="ignore"):
        recall = right / clips
        f1 = np.where(clips > 0, 2 * right / (clips + given), np.nan)
    return {
        "accuracy": right.sum(axis=1) / count,
        "macro_recall": macro(recall),
        "macro_f1": macro(f1),
        "within_one_group": within,
        "mae_years": error,
        "loss": loss,
        "ece": np.abs(confident - bin_right).sum(axis=1) / count,
        "recall": recall,
    }


def summands(judged: Judged, years: np.ndarray) -> np.ndarray:
    """What each row adds: its group, that group if it was given, and what was given, as one-hot; within one group,
    error in years, loss; and its bin of confidence as one-hot, times 1, confidence, and right.

    Shape: (rows, 3 × groups + 3 + 3 × BINS).
    """
    probabilities, targets, given = judged.probabilities, judged.targets, judged.given
    right = (given == targets)[:, None]
    confidence = probabilities.max(axis=1)
    one_hot, bins = np.eye(probabilities.shape[1]), np.eye(BINS)[bin_of(confidence)]
    single = [
        np.abs(given - targets) <= 1,
        np.abs(probabilities @ years - judged.ages),
        -np.log(np.maximum(probabilities[np.arange(len(targets)), targets], TINY)),
    ]
    recall = recall_summands(judged)
    return np.hstack([recall, one_hot[given], np.column_stack(single), bins, bins * confidence[:, None], bins * right])


def recall_summands(judged: Judged) -> np.ndarray:
    """Each row's group as one-hot, and the same if that group was given. Shape: (rows, 2 × groups)."""
    true = np.eye(judged.probabilities.shape[1])[judged.targets]
    return np.hstack([true, true * (judged.given == judged.targets)[:, None]])


def recall_of(sums: np.ndarray) -> np.ndarray:
    """Shape: sums of `recall_summands` (samples, 2 × groups) → (samples, groups), NaN where there is no clip."""
    clips, right = np.split(sums, 2, axis=1)
    with np.errstate(invalid="ignore"):
        return right / clips


def macro(values: np.ndarray) -> np.ndarray:
    """The mean over the groups that row 0 has; NaN for a sample that lacks one of them, which no interval counts.

    Shape: (1 + resamples, groups) → (1 + resamples,).
    """
    return values[:, ~np.isnan(values[0])].mean(axis=1)


def resampled_macro_recall(judged: Judged, bootstrap: SpeakerBootstrap) -> np.ndarray:
    """Macro recall in row 0, then in the bootstrap's samples. Shape: (1 + resamples,)."""
    return macro(recall_of(bootstrap.sums(recall_summands(judged))))


def macro_recall(judged: Judged) -> float:
    """The mean recall over the groups that occur."""
    return float(macro(recall_of(recall_summands(judged).sum(axis=0, keepdims=True)))[0])
