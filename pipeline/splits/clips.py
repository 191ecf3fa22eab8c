"""Clips: judges the clips of a split, each as a whole, with features from the local store or from a stream."""

import argparse

import numpy as np
import pandas as pd

from features.store import Store
from models.judging.judge import judge
from models.learning import classifier, data, streaming
from models.learning.finite import not_finite

JUDGED_AT_ONCE = 64  # whole clips


def source_argument(description: str) -> str | None:
    """The value of `--source`: the addresses of shards to stream, instead of the local store."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="shards as webdataset opens them, such as 'https://…/{00000..00899}.tar'")
    return parser.parse_args().source


def whole_clips(part: pd.DataFrame, frames: int, origin: Store | str) -> data.Windows | streaming.StreamedWindows:
    """The windows of whole clips, with the clips' places in `part`; `origin` is a store, or the source of a stream."""
    if isinstance(origin, str):
        places = {key: place for place, key in enumerate(part["key"])}
        return streaming.StreamedWindows(streaming.Clips(origin, places), frames, JUDGED_AT_ONCE)
    return data.Windows(origin, origin.rows_of(part["key"]), np.arange(len(part)), frames, JUDGED_AT_ONCE)


def judge_clips(
    part: pd.DataFrame, model: classifier.Normalised, frames: int, origin: Store | str, device: str
) -> np.ndarray:
    """The probabilities of these clips, (clips, groups); `origin` as in `whole_clips`.

    Raises StoreError if some of them are not finite.
    """
    probabilities = judge(model.eval(), whole_clips(part, frames, origin), len(part), device)
    is_finite = np.isfinite(probabilities).all(axis=1)
    if not is_finite.all():
        raise not_finite(origin if isinstance(origin, str) else origin.folder, part["key"][~is_finite].tolist())
    return probabilities
