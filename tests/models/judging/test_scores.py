import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss, recall_score
from torchmetrics.functional import classification

from models.judging.bootstrap import SpeakerBootstrap
from models.judging.judged import Judged
from models.judging.scores import macro_recall, resampled_scores

YEARS = np.array([20.0, 40.0, 60.0])


@pytest.fixture(scope="module")
def judged():
    """400 clips of 50 speakers in three groups, right about half the time."""
    random = np.random.default_rng(0)
    speakers = random.integers(50, size=400)
    targets = speakers % 3
    logits = random.standard_normal((400, 3)) + 0.8 * np.eye(3)[targets]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Judged(probabilities, targets, YEARS[targets] + random.uniform(-5, 5, 400), speakers)


@pytest.fixture(scope="module")
def scores(judged):
    return {
        name: values[0] for name, values in resampled_scores(judged, YEARS, SpeakerBootstrap(judged.speakers)).items()
    }


def test_a_worked_example():
    # Three of four young clips are right, one of two middle ones, and the old one is taken for young.
    targets = np.array([0, 0, 0, 0, 1, 1, 2])
    probabilities = np.full((7, 3), 0.2)
    probabilities[np.arange(7), [0, 0, 0, 1, 1, 2, 0]] = 0.6
    judged = Judged(probabilities, targets, YEARS[targets], np.arange(7))
    scores = resampled_scores(judged, YEARS, SpeakerBootstrap(judged.speakers, resamples=1))
    assert scores["recall"][0] == pytest.approx([3 / 4, 1 / 2, 0])
    assert scores["macro_recall"][0] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert scores["macro_f1"][0] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)  # precision: 3/4, 1/2, 0
    assert scores["within_one_group"][0] == pytest.approx(6 / 7)
    assert scores["loss"][0] == pytest.approx(-(4 * np.log(0.6) + 3 * np.log(0.2)) / 7)
    assert scores["ece"][0] == pytest.approx(abs(0.6 - 4 / 7))
    # Expected ages: young 32, middle 40, old 48.
    assert scores["mae_years"][0] == pytest.approx((3 * 12 + 20 + 0 + 8 + 28) / 7)


def test_scores_agree_with_scikit_learn(judged, scores):
    true, given = judged.targets, judged.predicted
    assert scores["accuracy"] == pytest.approx(accuracy_score(true, given))
    assert scores["macro_recall"] == pytest.approx(recall_score(true, given, average="macro"))
    assert scores["recall"] == pytest.approx(recall_score(true, given, average=None))
    assert scores["macro_f1"] == pytest.approx(f1_score(true, given, average="macro"))
    assert scores["loss"] == pytest.approx(log_loss(true, judged.probabilities), rel=1e-6)
    assert macro_recall(judged) == pytest.approx(recall_score(true, given, average="macro"))


def test_calibration_error_agrees_with_torchmetrics(judged, scores):
    probabilities, targets = torch.from_numpy(judged.probabilities), torch.from_numpy(judged.targets)
    expected = classification.multiclass_calibration_error(probabilities, targets, 3, n_bins=15, norm="l1")
    assert scores["ece"] == pytest.approx(float(expected), abs=1e-5)


def test_each_sample_scores_as_its_clips_do(judged):
    bootstrap = SpeakerBootstrap(judged.speakers, seed=1, resamples=3)
    resampled = resampled_scores(judged, YEARS, bootstrap)
    names = np.unique(judged.speakers)
    for sample in range(1, 4):
        drawn = np.repeat(names, bootstrap.times[sample].astype(int))
        clips = np.concatenate([np.flatnonzero(judged.speakers == speaker) for speaker in drawn])
        alone = resampled_scores(judged.part(clips), YEARS, SpeakerBootstrap(np.arange(len(clips)), resamples=1))
        for name, values in resampled.items():
            assert values[sample] == pytest.approx(alone[name][0], rel=1e-5), name


def test_a_sample_that_lacks_a_group_has_no_macro_recall():
    targets = np.array([0, 1])
    judged = Judged(np.eye(2), targets, np.array([20.0, 40.0]), np.array(["ann", "bob"]))
    values = resampled_scores(judged, YEARS[:2], SpeakerBootstrap(judged.speakers, resamples=50))["macro_recall"]
    assert values[0] == 1
    assert np.isnan(values[1:]).any()
    assert set(values[~np.isnan(values)]) == {1.0}
