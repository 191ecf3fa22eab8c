import dataclasses

import numpy as np
import pytest

from models.learning.data import Crops, CropSampler, Windows, even_draw, loader, normalisation
from models.windows import window_starts

FRAMES = 30  # of a crop


@pytest.fixture
def rows():
    return np.arange(0, 60, 2)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_each_clip_comes_once_an_epoch_over_all_ranks(store, recipe, rows, ranks):
    samplers = [CropSampler(rows, store.frames[rows], FRAMES, recipe, rank, ranks) for rank in range(ranks)]
    batches = [[batch for batch, _ in sampler] for sampler in samplers]
    assert {len(each) for each in batches} == {len(samplers[0])}
    seen = np.concatenate([batch for each in batches for batch in each])
    assert sorted(seen) == sorted(rows)
    sizes = {len(batch) for each in batches for batch in each}
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= recipe.batch_size


def test_order_and_crops_follow_from_seed_and_epoch(store, recipe, rows):
    def epoch(seed, number):
        sampler = CropSampler(rows, store.frames[rows], FRAMES, dataclasses.replace(recipe, seed=seed))
        sampler.set_epoch(number)
        return np.concatenate([np.stack(batch) for batch in sampler], axis=1).tolist()

    assert epoch(0, 1) == epoch(0, 1)
    assert epoch(0, 1) != epoch(0, 2) != epoch(1, 2)


def test_crops_stay_within_long_clips(store, recipe, rows):
    for batch, starts in CropSampler(rows, store.frames[rows], FRAMES, recipe):
        lengths = store.frames[batch]
        assert (starts >= 0).all()
        assert (starts <= np.maximum(lengths - FRAMES, 0)).all()


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_serves_what_the_sampler_says(store, recipe, rows, workers):
    sampler = CropSampler(rows, store.frames[rows], FRAMES, recipe)
    targets = np.arange(60) % 3
    served = list(loader(Crops(store, targets, FRAMES), sampler, workers))
    for (features, groups), (batch, starts) in zip(served, sampler, strict=True):
        np.testing.assert_array_equal(features.numpy(), store.crops(batch, starts, FRAMES))
        np.testing.assert_array_equal(groups.numpy(), targets[batch])


@pytest.mark.parametrize(("length", "starts"), [(5, [0]), (30, [0]), (31, [0, 1]), (60, [0, 30]), (75, [0, 22, 45])])
def test_windows_cover_a_clip(length, starts):
    assert window_starts(length, 30).tolist() == starts


def test_windows_contain_every_clip_once(store, recipe, rows):
    windows = Windows(store, rows, rows % 3, FRAMES, 8)
    clips = 0
    for features, clip, targets in (windows[number] for number in range(len(windows))):
        assert len(features) == len(clip)
        assert sorted(set(clip.tolist())) == list(range(len(targets)))
        clips += len(targets)
    assert clips == len(rows)


def test_normalisation_covers_all_frames(store, rows):
    mean, deviation = normalisation(store, rows)
    frames = np.concatenate([store.clip(row) for row in rows]).astype(np.float64)
    np.testing.assert_allclose(mean, frames.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(deviation, frames.std(axis=0), rtol=1e-5)


@pytest.fixture
def uneven():
    """The groups and speakers of 400 clips: three groups of unequal size, speakers of 1 to 60 clips."""
    random = np.random.default_rng(0)
    speakers = np.repeat(np.arange(40), random.integers(1, 20, 40))
    speakers = np.concatenate([speakers, np.full(60, 40)])
    return np.array([0] * 25 + [1] * 5 + [2] * 11)[speakers], speakers


def test_an_even_draw_takes_groups_and_their_speakers_equally_often(uneven):
    groups, speakers = uneven
    drawn = even_draw(np.random.default_rng(1), groups, speakers)
    assert len(drawn) == len(groups)
    assert np.ptp(np.bincount(groups[drawn])) <= 1
    for group in range(3):
        voices = np.unique(speakers[groups == group])
        assert np.ptp([np.sum(speakers[drawn] == voice) for voice in voices]) <= 1


def test_in_an_even_draw_a_speakers_clips_take_turns(uneven):
    groups, speakers = uneven
    drawn = even_draw(np.random.default_rng(1), groups, speakers)
    for voice in np.unique(speakers):
        times = np.bincount(drawn, minlength=len(groups))[speakers == voice]
        assert np.ptp(times) <= 1


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_an_even_sampler_splits_one_draw_over_the_ranks(store, recipe, rows, ranks):
    groups, speakers = rows % 3, rows // 8
    samplers = [
        CropSampler(rows, store.frames[rows], FRAMES, recipe, rank, ranks, 0, groups, speakers) for rank in range(ranks)
    ]
    seen = np.concatenate([batch for sampler in samplers for batch, _ in sampler])
    drawn = rows[even_draw(np.random.default_rng([recipe.seed, 0]), groups, speakers)]
    assert sorted(seen) == sorted(drawn)
