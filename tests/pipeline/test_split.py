import dataclasses

import numpy as np
import pandas as pd
import pytest

from pipeline.params import Split
from pipeline.split import SPLITS, assign, grouped, report
from pipeline.stage import UserError


@pytest.fixture
def settings(groups):
    return Split(folds=5, fold=0, clips_per_speaker=5, groups=groups, seed=0)


@pytest.fixture
def manifest():
    """Speakers with 1 to 30 clips, of all ages and two genders."""
    random = np.random.default_rng(0)
    ages = ["teens", "twenties", "thirties", "fourties", "fifties", "sixties", "seventies"]
    speakers = pd.DataFrame({"speaker": [f"{number:016x}" for number in range(140)]})
    speakers["age"] = [ages[number % 7] for number in range(140)]
    speakers["gender"] = random.choice(["male", "female"], 140)
    rows = speakers.loc[np.repeat(np.arange(140), random.integers(1, 30, 140))].reset_index(drop=True)
    return rows.assign(key=[f"clip{number:04d}" for number in range(len(rows))])


def split_of(manifest, settings):
    return assign(grouped(manifest, manifest["key"], settings), settings)


def test_speakers_never_cross(manifest, settings):
    rows = split_of(manifest, settings)
    assert (rows.groupby("speaker")["split"].nunique() == 1).all()
    assert set(rows["split"]) == set(SPLITS)
    assert rows["key"].is_unique


def test_val_and_test_are_balanced_and_capped(manifest, settings):
    rows = split_of(manifest, settings)
    for name in ("val", "test"):
        part = rows[rows["split"] == name]
        assert part["group"].value_counts().nunique() == 1
        assert part["speaker"].value_counts().max() <= 5


def test_every_speaker_is_tested_in_exactly_one_fold(manifest, settings):
    tested = [
        set(rows["speaker"][rows["split"] == "test"])
        for fold in range(5)
        for rows in [split_of(manifest, dataclasses.replace(settings, fold=fold, clips_per_speaker=100))]
    ]
    for number, speakers in enumerate(tested):
        for others in tested[:number]:
            assert not speakers & others


def test_groups_and_genders_are_dealt_evenly(manifest, settings):
    rows = split_of(manifest, settings)
    speakers = manifest.drop_duplicates("speaker").set_index("speaker")
    expected = len(speakers) / 5
    for name in ("val", "test"):
        held = rows["speaker"][rows["split"] == name].unique()
        assert abs(len(held) - expected) <= 6
        share = (speakers.loc[held, "gender"] == "male").mean()
        assert abs(share - (speakers["gender"] == "male").mean()) < 0.12


def test_val_is_the_next_fold(manifest, settings):
    first = split_of(manifest, settings)
    second = split_of(manifest, dataclasses.replace(settings, fold=1))
    pd.testing.assert_series_equal(
        first["key"][first["split"] == "val"].reset_index(drop=True),
        second["key"][second["split"] == "test"].reset_index(drop=True),
    )


def test_the_order_of_the_rows_does_not_matter(manifest, settings):
    pd.testing.assert_frame_equal(
        split_of(manifest, settings), split_of(manifest.sample(frac=1, random_state=1), settings)
    )


def test_another_seed_deals_anew(manifest, settings):
    first, second = (split_of(manifest, dataclasses.replace(settings, seed=seed)) for seed in (0, 1))
    assert set(first["speaker"][first["split"] == "test"]) != set(second["speaker"][second["split"] == "test"])


def test_clips_that_were_rejected_are_nowhere(manifest, settings):
    decoded = manifest["key"][::2]
    rows = assign(grouped(manifest, decoded, settings), settings)
    assert set(rows["key"]) <= set(decoded)


def test_two_groups_will_do(manifest, settings):
    groups = {"young": ["teens", "twenties"], "old": ["sixties", "seventies"]}
    rows = split_of(manifest, dataclasses.replace(settings, groups=groups))
    assert list(rows["group"].cat.categories) == ["young", "old"]
    counted = report(rows, settings, len(manifest))
    assert counted["left_out"] == len(manifest) - len(rows)
    assert sum(counted[name][group]["clips"] for name in SPLITS for group in groups) == len(rows)


def test_too_few_speakers_for_the_folds_are_named(manifest, settings):
    few = manifest[~manifest["age"].isin(["teens"]) | manifest["speaker"].isin(manifest["speaker"].unique()[:15])]
    with pytest.raises(UserError, match=r"group teens has 3 speakers, too few for split\.folds, 5"):
        split_of(few, settings)
