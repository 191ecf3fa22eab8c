import tracemalloc

import numpy as np
import pytest

from models.judging.bootstrap import SpeakerBootstrap, interval
from models.judging.judged import Judged
from models.judging.scores import resampled_macro_recall


def clips(speakers, targets, given, groups):
    return Judged(np.eye(groups)[given], targets, np.zeros(len(targets)), speakers)


def test_the_interval_agrees_with_a_bootstrap_written_out():
    random = np.random.default_rng(0)
    speakers = np.repeat(np.arange(60), random.integers(1, 8, 60))
    true = speakers % 3
    given = np.where(random.random(60)[speakers] < 0.6, true, random.integers(3, size=len(true)))
    found = interval(resampled_macro_recall(clips(speakers, true, given, 3), SpeakerBootstrap(speakers)))
    macro_recalls = []
    for _ in range(2000):
        drawn = random.choice(60, 60)
        rows = np.concatenate([np.flatnonzero(speakers == speaker) for speaker in drawn])
        macro_recalls.append(np.mean([(given[rows] == group)[true[rows] == group].mean() for group in range(3)]))
    assert found == pytest.approx(tuple(np.quantile(macro_recalls, [0.025, 0.975])), abs=0.02)


def test_few_speakers_make_the_interval_wide():
    true = np.tile([0, 1], 100)
    given = np.where(np.arange(200) < 120, true, 1 - true)
    many, few = (
        np.ptp(interval(resampled_macro_recall(clips(speakers, true, given, 2), SpeakerBootstrap(speakers))))
        for speakers in (np.arange(200), np.arange(200) // 20)
    )
    assert few > 2 * many


def test_the_interval_includes_the_truth_in_95_of_100_draws():
    """Speakers differ in how often they are judged right, and in how much they say."""
    right_of_group = np.array([0.7, 0.6, 0.4, 0.3, 0.5, 0.6])
    held = 0
    for draw in range(300):
        random = np.random.default_rng([11, draw])
        group = np.arange(90) % 6
        skill = random.beta(4 * right_of_group[group], 4 * (1 - right_of_group[group]))
        speakers = np.repeat(np.arange(90), random.integers(1, 6, 90))
        true = group[speakers]
        given = np.where(random.random(len(speakers)) < skill[speakers], true, (true + 1) % 6)
        bootstrap = SpeakerBootstrap(speakers, seed=draw, resamples=1000)
        low, high = interval(resampled_macro_recall(clips(speakers, true, given, 6), bootstrap))
        held += low <= right_of_group.mean() <= high
    assert held / 300 == pytest.approx(0.95, abs=0.03)


def test_what_does_not_exist_has_no_interval():
    assert np.isnan(interval(np.full(2001, np.nan))).all()
    few = np.where(np.arange(2001) % 2, np.nan, 0.5)  # exists, but not in every sample
    assert interval(few) == (0.5, 0.5)


def test_the_same_seed_draws_the_same_speakers():
    speakers = np.random.default_rng(0).integers(20, size=100)
    values = np.random.default_rng(1).random((100, 3))
    summands = {"one": values[:, :1], "others": values[:, 1:]}
    first, again, other = (SpeakerBootstrap(speakers, seed=seed).sums(summands) for seed in (3, 3, 4))
    for name, part in summands.items():
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name][1:], other[name][1:])
        np.testing.assert_allclose(first[name][0], part.sum(axis=0), rtol=1e-5)


def test_it_takes_little_more_memory_than_it_keeps():
    """With 30,000 test speakers that is 60 MB; drawing all at once took 1.2 GB."""
    tracemalloc.start()
    bootstrap = SpeakerBootstrap(np.arange(500))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert bootstrap.times.nbytes < most < 1.5 * bootstrap.times.nbytes
