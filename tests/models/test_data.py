import dataclasses

import numpy as np
import pytest

from models.data import Crops, CropSampler, Windows, loader, normalisation, window_starts


@pytest.fixture
def rows():
    return np.arange(0, 60, 2)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_each_clip_once_an_epoch_over_all_ranks(store, recipe, rows, ranks):
    samplers = [CropSampler(rows, store.frames[rows], recipe, rank, ranks) for rank in range(ranks)]
    batches = [[batch for batch, _ in sampler] for sampler in samplers]
    assert {len(each) for each in batches} == {len(samplers[0])}
    seen = np.concatenate([batch for each in batches for batch in each])
    assert sorted(seen) == sorted(rows)
    sizes = {len(batch) for each in batches for batch in each}
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= recipe.batch_size


def test_order_and_crops_follow_from_seed_and_epoch(store, recipe, rows):
    def epoch(seed, number):
        sampler = CropSampler(rows, store.frames[rows], dataclasses.replace(recipe, seed=seed))
        sampler.set_epoch(number)
        return np.concatenate([np.stack(batch) for batch in sampler], axis=1).tolist()

    assert epoch(0, 1) == epoch(0, 1)
    assert epoch(0, 1) != epoch(0, 2) != epoch(1, 2)


def test_crops_lie_within_long_clips(store, recipe, rows):
    for batch, starts in CropSampler(rows, store.frames[rows], recipe):
        lengths = store.frames[batch]
        assert (starts >= 0).all()
        assert (starts <= np.maximum(lengths - recipe.frames, 0)).all()


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_serves_what_the_sampler_says(store, recipe, rows, workers):
    sampler = CropSampler(rows, store.frames[rows], recipe)
    targets = np.arange(60) % 3
    served = list(loader(Crops(store, targets, recipe.frames), sampler, workers))
    for (features, groups), (batch, starts) in zip(served, sampler, strict=True):
        np.testing.assert_array_equal(features.numpy(), store.crops(batch, starts, recipe.frames))
        np.testing.assert_array_equal(groups.numpy(), targets[batch])


@pytest.mark.parametrize(("length", "starts"), [(5, [0]), (30, [0]), (31, [0, 1]), (60, [0, 30]), (75, [0, 22, 45])])
def test_windows_cover_a_clip(length, starts):
    assert window_starts(length, 30).tolist() == starts


def test_windows_hold_every_clip_once(store, recipe, rows):
    windows = Windows(store, rows, rows % 3, recipe.frames, 8)
    clips = 0
    for features, clip, targets in (windows[number] for number in range(len(windows))):
        assert len(features) == len(clip)
        assert sorted(set(clip.tolist())) == list(range(len(targets)))
        clips += len(targets)
    assert clips == len(rows)


def test_normalisation_is_that_of_all_frames(store, rows):
    mean, deviation = normalisation(store, rows)
    frames = np.concatenate([store.clip(row) for row in rows]).astype(np.float64)
    np.testing.assert_allclose(mean, frames.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(deviation, frames.std(axis=0), rtol=1e-5)
