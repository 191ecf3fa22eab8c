"""Split: whole speakers, dealt evenly (also folds.py)."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from pipeline.params import Split
from pipeline.split import SPLITS, assign, grouped
from pipeline.stage import UserError
from tests.conftest import with_ages


@pytest.fixture
def settings(groups):
    return Split(by="speaker", folds=5, fold=0, clips_per_speaker=5, groups=groups, seed=0)


@pytest.fixture
def manifest():
    """Speakers with 1 to 30 clips, of all ages, two genders and seven locales."""
    random = np.random.default_rng(0)
    ages = ["teens", "twenties", "thirties", "fourties", "fifties", "sixties", "seventies"]
    speakers = pd.DataFrame({"speaker": [f"{number:016x}" for number in range(140)]})
    speakers["age"] = [ages[number % 7] for number in range(140)]
    speakers["gender"] = random.choice(["male", "female"], 140)
    speakers["locale"] = [f"l{number // 7 % 7}" for number in range(140)]
    rows = speakers.loc[np.repeat(np.arange(140), random.integers(1, 30, 140))].reset_index(drop=True)
    keys = [f"clip{number:04d}" for number in range(len(rows))]
    return with_ages(rows.assign(key=keys, path=[f"{key}.mp3" for key in keys], official=""))


def split_of(manifest, settings):
    return assign(grouped(manifest, manifest[["key"]], settings), settings)


def placed(manifest, settings):
    rows = split_of(manifest, settings)
    return rows[rows["split"].notna()]


@pytest.mark.parametrize("by", ["speaker", "locale"])
def test_speakers_never_cross(manifest, settings, by):
    rows = placed(manifest, dataclasses.replace(settings, by=by))
    assert (rows.groupby("speaker")["split"].nunique() == 1).all()
    assert set(rows["split"]) == set(SPLITS)
    assert rows["key"].is_unique


def test_locales_never_cross_and_a_speaker_of_two_stays_in_one(manifest, settings):
    first = manifest["speaker"].iloc[0]
    theirs = manifest.index[manifest["speaker"] == first]
    manifest.loc[theirs[: len(theirs) // 3], "locale"] = "l6"
    rows = split_of(manifest, dataclasses.replace(settings, by="locale"))
    held = rows[rows["split"].notna()]
    assert (held.groupby("locale")["split"].nunique() == 1).all()
    abroad = rows[(rows["speaker"] == first) & (rows["locale"] == "l6")]
    assert set(abroad["left_out"]) == {"unassigned"}


def test_by_clip_the_same_speakers_are_in_every_split(manifest, settings):
    rows = placed(manifest, dataclasses.replace(settings, by="clip"))
    learnt, tested = (set(rows["speaker"][rows["split"] == name]) for name in ("train", "test"))
    assert len(tested & learnt) > 0.9 * len(tested)


def test_the_releases_own_split_is_used(manifest, settings):
    number = manifest["speaker"].map(lambda speaker: int(speaker, 16))
    manifest["official"] = np.select([number < 70, number < 105], ["train", "val"], "test")
    rows = placed(manifest, dataclasses.replace(settings, by="official"))
    own = manifest.set_index("key")["official"]
    assert (rows["split"].astype("str") == rows["key"].map(own)).all()
    assert (rows["split"] == "train").sum() == (own == "train").sum()


@pytest.mark.parametrize("by", ["speaker", "locale", "clip"])
def test_val_and_test_are_balanced_and_capped(manifest, settings, by):
    rows = placed(manifest, dataclasses.replace(settings, by=by))
    for name in ("val", "test"):
        part = rows[rows["split"] == name]
        assert part["group"].value_counts().nunique() == 1
        assert part["speaker"].value_counts().max() <= 5


@pytest.mark.parametrize("by", ["speaker", "locale", "clip"])
def test_no_clip_is_tested_in_two_folds(manifest, settings, by):
    settings = dataclasses.replace(settings, by=by, clips_per_speaker=100)
    tested = []
    for fold in range(5):
        rows = split_of(manifest, dataclasses.replace(settings, fold=fold))
        tested += list(rows["key"][rows["split"] == "test"])
    assert len(tested) == len(set(tested))
    assert len(tested) > 0.5 * len(manifest)  # the rest is surplus: test is balanced


def test_groups_and_genders_are_dealt_evenly(manifest, settings):
    rows = placed(manifest, settings)
    speakers = manifest.drop_duplicates("speaker").set_index("speaker")
    expected = len(speakers) / 5
    for name in ("val", "test"):
        held = rows["speaker"][rows["split"] == name].unique()
        assert abs(len(held) - expected) <= 6
        share = (speakers.loc[held, "gender"] == "male").mean()
        assert abs(share - (speakers["gender"] == "male").mean()) < 0.12


def test_val_is_the_next_fold(manifest, settings):
    first = placed(manifest, settings)
    second = placed(manifest, dataclasses.replace(settings, fold=1))
    pd.testing.assert_series_equal(
        first["key"][first["split"] == "val"].reset_index(drop=True),
        second["key"][second["split"] == "test"].reset_index(drop=True),
    )


@pytest.mark.parametrize("by", ["speaker", "locale", "clip"])
def test_the_order_of_the_rows_does_not_matter(manifest, settings, by):
    settings = dataclasses.replace(settings, by=by)
    shuffled = manifest.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(split_of(manifest, settings), split_of(shuffled, settings))


def test_another_seed_deals_differently(manifest, settings):
    first, second = (placed(manifest, dataclasses.replace(settings, seed=seed)) for seed in (0, 1))
    assert set(first["speaker"][first["split"] == "test"]) != set(second["speaker"][second["split"] == "test"])


def test_clips_that_were_rejected_are_nowhere(manifest, settings):
    decoded = manifest[["key"]][::2]
    rows = assign(grouped(manifest, decoded, settings), settings)
    assert set(rows["key"]) == set(decoded["key"])


def test_clips_in_no_split_have_a_reason(manifest, settings):
    groups = {"young": ["teens", "twenties"], "old": ["sixties", "seventies"]}
    rows = split_of(manifest, dataclasses.replace(settings, groups=groups))
    assert list(rows["group"].cat.categories) == ["young", "old"]
    assert (rows["split"].isna() == rows["left_out"].notna()).all()
    outside = manifest.set_index("key")["age"].isin(["thirties", "fourties", "fifties"])
    assert set(rows["key"][rows["left_out"] == "other_age"]) == set(outside.index[outside])


def test_too_few_speakers_for_the_folds_are_named(manifest, settings):
    few = manifest[~manifest["age"].isin(["teens"]) | manifest["speaker"].isin(manifest["speaker"].unique()[:15])]
    with pytest.raises(UserError, match=r"group teens has 3 speakers, too few for split\.folds \(5\)"):
        split_of(few, settings)


def test_too_few_locales_for_the_folds_are_counted(manifest, settings):
    with pytest.raises(UserError, match=r"by is locale, but there are 7, too few for split\.folds \(8\)"):
        split_of(manifest, dataclasses.replace(settings, by="locale", folds=8))


def test_a_split_that_lacks_a_group_is_named(manifest, settings):
    manifest["official"] = np.where(manifest["age"] == "teens", "train", "test")
    with pytest.raises(UserError, match="train has no clips of twenties, thirties, forties, fifties, sixties"):
        split_of(manifest, dataclasses.replace(settings, by="official"))


def test_a_corpus_is_tested_by_strangers_to_all_others(manifest, settings):
    names = ["a.tar", "b.tar", "c"]
    manifest["corpus"] = [names[int(speaker, 16) % 3] for speaker in manifest["speaker"]]
    shared = manifest["speaker"].iloc[0]
    theirs = manifest.index[manifest["speaker"] == shared]
    manifest.loc[theirs[::2], "corpus"], manifest.loc[theirs[1::2], "corpus"] = "b.tar", "c"
    rows = split_of(manifest, dataclasses.replace(settings, by="corpus", fold=1))
    held = rows[rows["split"].notna()]
    assert set(held["corpus"][held["split"] == "test"]) == {"b.tar"}
    assert set(held["corpus"][held["split"] != "test"]) == {"a.tar", "c"}
    assert (held.groupby("speaker")["split"].nunique() == 1).all()
    assert set(rows["left_out"][(rows["speaker"] == shared) & (rows["corpus"] == "b.tar")]) == {"unassigned"}
    assert set(held["split"]) == set(SPLITS)


def test_a_corpus_that_there_is_not_is_named(manifest, settings):
    with pytest.raises(UserError, match=r"there are 1 corpora with clips: 0 is corpus\.tar"):
        split_of(manifest, dataclasses.replace(settings, by="corpus", fold=0))
