"""A loss that is not finite ends training, and the message names the clips."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.store import Store, StoreError
from models.learning.data import normalisation
from models.learning.finite import LossError
from models.learning.streaming import Clips
from pipeline.splits.clips import judge_clips
from tests.models.learning.test_training import ROWS, learn


@pytest.fixture
def copy(store, tmp_path) -> Path:
    return Path(shutil.copytree(store.folder, tmp_path / "store"))


def spoil(folder: Path, row: int, value: float) -> None:
    """Put a value into all features of a clip."""
    store = Store(folder)
    path = folder / store.index["shard"][row]
    data = bytearray(path.read_bytes())
    begin, values = store.offsets[row], np.full((store.frames[row], store.values), value, np.float16)
    data[begin : begin + values.nbytes] = values.tobytes()
    path.write_bytes(data)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_clips_are_named_before_anything_is_learnt_from_them(copy, value):
    for row in (7, 30):
        spoil(copy, row, value)
    with pytest.raises(StoreError, match="not finite, for clips clip7, clip30: decode them again"):
        normalisation(Store(copy), ROWS["train"])
    normalisation(Store(copy), np.arange(40, 60))


@pytest.mark.parametrize(("row", "features"), [(7, "store"), (7, "device"), (50, "store")])
def test_a_clip_that_the_statistics_skipped_is_named_by_its_batch(copy, recipe, tmp_path, monkeypatch, row, features):
    mean, deviation = normalisation(Store(copy), ROWS["train"])
    monkeypatch.setattr("tests.models.learning.test_training.normalisation", lambda *_: (mean, deviation))
    spoil(copy, row, np.nan)
    with pytest.raises(StoreError, match=f"not finite, for clips clip{row}: decode"):
        learn(Store(copy), recipe, tmp_path / "out", features=features)
    assert not (tmp_path / "out/model.pth").exists()


def test_weights_that_grow_without_bound_are_reported_with_the_batch(store, recipe, tmp_path):
    wild = dataclasses.replace(recipe, learning_rate=1e38, gradient_norm=1e38, max_epochs=2)
    with pytest.raises(LossError, match="not finite in epoch 0, batch") as told:
        learn(store, wild, tmp_path)
    assert "try a lower learning rate" in str(told.value)
    named = {word.strip(",;)") for word in str(told.value).split() if word.startswith("clip") and word[4:5].isdigit()}
    assert len(named) == 8
    assert named < {f"clip{row}" for row in ROWS["train"]}


@pytest.mark.parametrize("is_streamed", [False, True])
def test_clips_that_cannot_be_judged_are_named(copy, recipe, tmp_path, is_streamed):
    _, classifier = learn(Store(copy), dataclasses.replace(recipe, max_epochs=1), tmp_path / "out")
    spoil(copy, 50, np.nan)
    part = pd.DataFrame({"key": ["clip49", "clip50", "clip51"]})
    origin = str(copy / "{00000..00002}.tar") if is_streamed else Store(copy)
    with pytest.raises(StoreError, match="not finite, for clips clip50: decode"):
        judge_clips(part, classifier.model, recipe.frames(0.01), origin, "cpu")


def test_a_stream_refuses_what_is_not_finite(copy):
    spoil(copy, 25, -np.inf)
    targets = {f"clip{row}": 0 for row in range(60)}
    with pytest.raises(StoreError, match="not finite, for clips clip25"):
        list(Clips(str(copy / "{00000..00002}.tar"), targets))
