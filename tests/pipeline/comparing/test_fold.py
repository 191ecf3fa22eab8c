"""Fold: whole test folds, with train and val as the split has them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.comparing.fold import with_whole_fold
from pipeline.params import Split
from pipeline.split import assign, grouped
from tests.conftest import with_ages


@pytest.fixture
def rows(groups):
    """Speakers with 1 to 8 clips, three times as many of the first age as of any other, and a clip of no age."""
    random = np.random.default_rng(0)
    ages = np.array(["teens", "teens", "teens", "twenties", "thirties", "fourties", "fifties", "sixties"])
    speakers = pd.DataFrame({"speaker": [f"{number:016x}" for number in range(160)], "age": np.tile(ages, 20)})
    clips = speakers.assign(gender="female", locale="en", official="").loc[
        np.repeat(np.arange(160), random.integers(1, 9, 160))
    ]
    clips = clips.reset_index(drop=True)
    clips.loc[0, "age"] = ""
    clips["key"] = [f"clip{number:04d}" for number in range(len(clips))]
    return grouped(with_ages(clips), clips[["key"]], settings_of(groups))


def settings_of(groups) -> Split:
    return Split(by="speaker", folds=4, fold=0, clips_per_speaker=3, groups=groups, seed=0)


def test_over_all_folds_every_clip_of_a_group_is_tested_once(rows, groups):
    folds = [with_whole_fold(rows, replace(settings_of(groups), fold=fold)) for fold in range(4)]
    tested = pd.concat([fold[fold["split"] == "test"] for fold in folds])
    assert sorted(tested["key"]) == sorted(rows["key"][rows["group"].notna()])


def test_speakers_never_cross_and_train_and_val_are_those_of_the_split(rows, groups):
    whole, split = with_whole_fold(rows, settings_of(groups)), assign(rows, settings_of(groups))
    assert (whole.groupby("speaker")["split"].nunique() == 1).all()
    for name in ("train", "val"):
        pd.testing.assert_frame_equal(whole[whole["split"] == name], split[split["split"] == name])
    assert (whole["split"] == "test").sum() > (split["split"] == "test").sum()
