"""Judge: a model's probabilities for whole clips."""

import numpy as np
import torch
from torch.utils.data import Dataset

from features.running.progress import progress
from features.store import StoreError
from models.learning.classifier import Normalised, clip_probabilities
from models.learning.data import loader


@torch.inference_mode()
def judge(model: Normalised, windows: Dataset, clips: int, device: str = "cpu") -> np.ndarray:
    """The mean probability over each clip's windows. Shape: (clips, groups) float32.

    `windows` are `Windows` or `StreamedWindows` whose targets are the clips' rows in the result. Raises StoreError
    unless each clip comes exactly once, with as many values a frame as the model takes.
    """
    model = model.to(device)
    probabilities, times = None, np.zeros(clips, int)
    with progress("judge", clips, "clips") as bar:
        for features, clip, targets in loader(windows):
            if features.shape[2] != len(model.mean):
                raise StoreError(
                    f"the clips have {features.shape[2]} values a frame: the model takes {len(model.mean)}"
                )
            batch = clip_probabilities(model(features.to(device)), clip.to(device), len(targets)).cpu().numpy()
            places = targets.numpy()
            if probabilities is None:
                probabilities = np.empty((clips, batch.shape[1]), np.float32)
            probabilities[places] = batch  # keeping small arrays from each batch fragmented the heap, by 5 MB a batch
            np.add.at(times, places, 1)
            bar.update(len(places))
    if (times != 1).any():
        raise StoreError(f"{(times > 0).sum()} of {clips} clips were judged, {times.sum()} times in all")
    return probabilities
