"""Scores: every score as a ratio of sums over clips, so that a bootstrap only has to add."""

import numpy as np

from models.calibration import BINS, TINY, bin_of
from models.judging.bootstrap import SpeakerBootstrap, Sums
from models.judging.judged import Judged


def resampled_scores(judged: Judged, years: np.ndarray, bootstrap: SpeakerBootstrap) -> dict[str, np.ndarray]:
    """Each score on all clips in row 0, then on the bootstrap's samples. Shape: (1 + resamples,) each.

    accuracy, macro_recall, macro_f1 (means over the groups that occur), within_one_group, mae_years (mean absolute
    error of the expected age, in years, with `years` (groups,) as the ages of the groups), loss (mean negative natural
    logarithm of the true group's probability), ece (expected calibration error over BINS bins of equal width, Guo et
    al. 2017, eq. 3); and `recall` (1 + resamples, groups), NaN for a group that does not occur.
    """
    sums = bootstrap.sums(summands(judged, years))
    clips = sums["clips"].sum(axis=1)
    recall = recall_of(sums)
    with np.errstate(invalid="ignore"):
        f1 = np.where(sums["clips"] > 0, 2 * sums["right"] / (sums["clips"] + sums["predicted"]), np.nan)
    return {
        "accuracy": sums["right"].sum(axis=1) / clips,
        "macro_recall": macro(recall),
        "macro_f1": macro(f1),
        "within_one_group": sums["within_one_group"][:, 0] / clips,
        "mae_years": sums["error"][:, 0] / clips,
        "loss": sums["loss"][:, 0] / clips,
        "ece": np.abs(sums["bin_confidence"] - sums["bin_right"]).sum(axis=1) / clips,
        "recall": recall,
    }


def summands(judged: Judged, years: np.ndarray) -> Sums:
    """What each clip adds to the sums behind the scores.

    Shape: (rows, groups) `clips`, `right`, `predicted`; (rows, 1) `within_one_group`, `error` in years, `loss`;
    (rows, BINS) `bin_clips`, `bin_confidence`, `bin_right`.
    """
    probabilities, targets, predicted = judged.probabilities, judged.targets, judged.predicted
    confidence = probabilities.max(axis=1)
    bins = np.eye(BINS)[bin_of(confidence)]
    of_truth = probabilities[np.arange(len(targets)), targets]
    return recall_summands(judged) | {
        "predicted": np.eye(probabilities.shape[1])[predicted],
        "within_one_group": (np.abs(predicted - targets) <= 1)[:, None],
        "error": np.abs(probabilities @ years - judged.ages)[:, None],
        "loss": -np.log(np.maximum(of_truth, TINY))[:, None],
        "bin_clips": bins,
        "bin_confidence": bins * confidence[:, None],
        "bin_right": bins * (predicted == targets)[:, None],
    }


def recall_summands(judged: Judged) -> Sums:
    """Each row's true group as one-hot, and the same where it was predicted. Shape: (rows, groups) each."""
    true = np.eye(judged.probabilities.shape[1])[judged.targets]
    return {"clips": true, "right": true * (judged.predicted == judged.targets)[:, None]}


def recall_of(sums: Sums) -> np.ndarray:
    """Recall, from sums of `recall_summands`. Shape: (samples, groups), NaN where there is no clip."""
    with np.errstate(invalid="ignore"):
        return sums["right"] / sums["clips"]


def macro(values: np.ndarray) -> np.ndarray:
    """The mean over the groups in row 0; NaN for a sample that lacks one of them, which intervals ignore.

    Shape: (1 + resamples, groups) → (1 + resamples,).
    """
    return values[:, ~np.isnan(values[0])].mean(axis=1)


def resampled_macro_recall(judged: Judged, bootstrap: SpeakerBootstrap) -> np.ndarray:
    """Macro recall in row 0, then in the bootstrap's samples. Shape: (1 + resamples,)."""
    return macro(recall_of(bootstrap.sums(recall_summands(judged))))


def macro_recall(judged: Judged) -> float:
    """The mean recall over the groups that occur."""
    sums = {name: values.sum(axis=0, keepdims=True) for name, values in recall_summands(judged).items()}
    return float(macro(recall_of(sums))[0])
