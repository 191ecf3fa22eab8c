"""Judge: the mean over a clip's windows (also judged.py)."""

import weakref

import numpy as np
import pytest
import torch
from torch import nn

from features.running import progress
from features.store import StoreError
from models.judging.judge import judge
from models.judging.judged import Judged
from models.learning.classifier import Normalised, clip_probabilities
from models.learning.data import Windows
from models.windows import window_starts


def test_a_clip_gets_the_mean_over_its_windows():
    logits = torch.randn(5, 3)
    probabilities = clip_probabilities(logits, torch.tensor([0, 0, 1, 2, 2]), 3)
    softmax = logits.softmax(dim=1)
    torch.testing.assert_close(probabilities[0], softmax[:2].mean(dim=0))
    torch.testing.assert_close(probabilities[1], softmax[2])
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(3))


def test_judges_each_clip_by_itself(store):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64 * 30, 3))
    model = Normalised(net, np.zeros(64, np.float32), np.ones(64, np.float32)).eval()
    rows = np.array([59, 0, 33])
    together = judge(model, Windows(store, rows, np.arange(3), 30, 2), 3)
    for row, given in zip(rows, together, strict=True):
        starts = window_starts(store.frames[row], 30)
        windows = torch.from_numpy(store.crops(np.repeat(row, len(starts)), starts, 30))
        with torch.no_grad():
            expected = model(windows).softmax(dim=1).mean(dim=0)
        np.testing.assert_allclose(given, expected, atol=1e-6)


def test_features_that_the_model_does_not_take_are_refused(store):
    model = Normalised(nn.Flatten(), np.zeros(3, np.float32), np.ones(3, np.float32)).eval()
    with pytest.raises(StoreError, match=r"^the clips have 64 values a frame: the model takes 3$"):
        judge(model, Windows(store, np.arange(4), np.arange(4), 30, 2), 4)


def test_no_batch_leaves_anything_in_memory(store, monkeypatch):
    """Keeping anything from each batch fragments the heap: judging 45,000 clips took 4 GB."""
    given, alive = [], []

    def watched(*arguments):
        alive.append(sum(each() is not None for each in given))
        probabilities = clip_probabilities(*arguments)
        given.append(weakref.ref(probabilities))
        return probabilities

    monkeypatch.setattr("models.judging.judge.clip_probabilities", watched)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64 * 30, 3))
    model = Normalised(net, np.zeros(64, np.float32), np.ones(64, np.float32)).eval()
    judge(model, Windows(store, np.arange(60), np.arange(60), 30, 4), 60)
    assert len(alive) == 15
    assert max(alive) <= 1


def test_a_log_shows_how_many_clips_are_judged(store, monkeypatch, capsys):
    monkeypatch.setattr(progress, "FIRST", 0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64 * 30, 3))
    model = Normalised(net, np.zeros(64, np.float32), np.ones(64, np.float32)).eval()
    judge(model, Windows(store, np.arange(4), np.arange(4), 30, 2), 4)
    assert capsys.readouterr().err.startswith("judge: 4 of 4 clips, ")


def test_a_speaker_gets_the_mean_over_their_clips():
    judged = Judged(
        np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7]]),
        np.array([0, 1, 1, 0]),
        np.array([20.0, 20.0, 50.0, 30.0]),
        np.array(["ann", "bob", "bob", "ann"]),
    ).by_speaker()
    np.testing.assert_allclose(judged.probabilities, [[0.55, 0.45], [0.25, 0.75]])
    assert judged.targets.tolist() == [0, 1]
    assert judged.ages.tolist() == [25, 35]
    assert judged.speakers.tolist() == ["ann", "bob"]


def test_a_speaker_between_two_groups_counts_as_the_younger():
    judged = Judged(np.full((2, 3), 1 / 3), np.array([2, 1]), np.array([30.0, 40.0]), np.array(["ann", "ann"]))
    assert judged.by_speaker().targets.tolist() == [1]
