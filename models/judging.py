"""Judging: the probabilities a model gives to whole clips, and what they are worth."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset
from torchmetrics.functional import classification
from tqdm import tqdm

from features.store import StoreError
from models.classifier import TINY, Normalised, clip_probabilities
from models.data import loader


@torch.inference_mode()
def judge(model: Normalised, windows: Dataset, clips: int, device: str = "cpu") -> np.ndarray:
    """The mean probability over each clip's windows. Shape: (clips, groups) float32.

    `windows` are `Windows` or `StreamedWindows` whose targets are the clips' places in what is returned. Raises
    StoreError unless each of the clips comes once.
    """
    model = model.to(device)
    parts, places = [], []
    for features, clip, targets in tqdm(loader(windows), "judge", unit=" batches", disable=None):
        parts.append(clip_probabilities(model(features.to(device)), clip.to(device), len(targets)).cpu())
        places.append(targets)
    probabilities, place = torch.cat(parts), torch.cat(places)
    if not torch.equal(place.sort().values, torch.arange(clips)):
        raise StoreError(f"{len(place.unique())} of {clips} clips came to be judged, {len(place)} in all")
    return probabilities[place.argsort()].numpy()


def metrics(probabilities: np.ndarray, targets: np.ndarray, groups: Sequence[str]) -> dict:
    """What is written to metrics.json, from probabilities (clips, groups) and the groups' numbers (clips,)."""
    given, true = torch.from_numpy(probabilities), torch.from_numpy(targets)
    count = len(groups)
    recall = classification.multiclass_recall(given, true, count, average="none")
    steps = (given.argmax(dim=1) - true).abs()
    return {
        "accuracy": float(classification.multiclass_accuracy(given, true, count, average="micro")),
        "macro_recall": float(recall.mean()),
        "macro_f1": float(classification.multiclass_f1_score(given, true, count, average="macro")),
        "within_one_group": float((steps <= 1).float().mean()),
        "loss": float(-given.gather(1, true[:, None]).clamp_min(TINY).log().mean()),
        "recall": dict(zip(groups, recall.tolist(), strict=True)),
    }


def seen_and_unseen(probabilities: np.ndarray, targets: np.ndarray, is_seen: np.ndarray) -> dict:
    """Scores of a leaking split apart, for clips whose speakers were learnt from and for those of strangers.

    `macro_recall` is the mean over the groups that have such clips.
    """
    right = probabilities.argmax(axis=1) == targets
    parts = {"seen": is_seen, "unseen": ~is_seen}
    return {
        name: {
            "clips": int(part.sum()),
            "accuracy": float(right[part].mean()),
            "macro_recall": macro_recall(probabilities[part], targets[part]),
        }
        for name, part in parts.items()
        if part.any()
    }


def macro_recall(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """The mean recall over the groups that occur among `targets`."""
    right = probabilities.argmax(axis=1) == targets
    return float(np.mean([right[targets == group].mean() for group in np.unique(targets)]))


def macro_recall_interval(
    probabilities: np.ndarray, targets: np.ndarray, speakers: np.ndarray, seed: int = 0, resamples: int = 2000
) -> tuple[float, float]:
    """The 95 % percentile interval of macro recall over bootstrap samples of *speakers*, each with all their clips.

    Resampling whole clusters keeps what a speaker's clips have in common (Davison and Hinkley 1997, section 3.8).
    """
    names, speaker = np.unique(speakers, return_inverse=True)
    clips = np.zeros((len(names), probabilities.shape[1]))
    right = np.zeros_like(clips)
    np.add.at(clips, (speaker, targets), 1)
    np.add.at(right, (speaker, targets), probabilities.argmax(axis=1) == targets)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    with np.errstate(invalid="ignore"):  # a sample may lack a group
        recall = np.nanmean((drawn @ right) / (drawn @ clips), axis=1)
    low, high = np.quantile(recall, [0.025, 0.975])
    return float(low), float(high)


def confusion(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Counts, a row for each true group. Shape: (groups, groups)."""
    given, true = torch.from_numpy(probabilities), torch.from_numpy(targets)
    return classification.multiclass_confusion_matrix(given, true, given.shape[1]).numpy()
