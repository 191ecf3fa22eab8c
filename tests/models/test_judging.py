import numpy as np
import pytest
import torch
from torch import nn

from models.classifier import Normalised, clip_probabilities
from models.data import Windows, window_starts
from models.judging import confusion, judge, macro_recall_interval, metrics, seen_and_unseen

GROUPS = ("young", "middle", "old")


def test_metrics_of_a_worked_example():
    # Of four young clips three are right, of two middle ones one, the old one is taken for young.
    true = np.array([0, 0, 0, 0, 1, 1, 2])
    given = np.array([0, 0, 0, 1, 1, 2, 0])
    probabilities = np.full((7, 3), 0.2, np.float32)
    probabilities[np.arange(7), given] = 0.6
    scores = metrics(probabilities, true, GROUPS)
    assert scores["accuracy"] == pytest.approx(4 / 7)
    assert scores["recall"] == pytest.approx({"young": 3 / 4, "middle": 1 / 2, "old": 0})
    assert scores["macro_recall"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert scores["macro_f1"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)  # precision: 3/4, 1/2, 0
    assert scores["within_one_group"] == pytest.approx(6 / 7)
    assert scores["loss"] == pytest.approx(-(4 * np.log(0.6) + 3 * np.log(0.2)) / 7)
    assert confusion(probabilities, true).tolist() == [[3, 1, 0], [0, 1, 1], [1, 0, 0]]


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


def test_seen_and_unseen_speakers_apart():
    true = np.array([0, 0, 1, 1, 2])
    probabilities = np.eye(3, dtype=np.float32)[[0, 1, 1, 1, 0]]
    scores = seen_and_unseen(probabilities, true, np.array([True, True, True, False, False]))
    assert scores["seen"] == {"clips": 3, "accuracy": pytest.approx(2 / 3), "macro_recall": pytest.approx(3 / 4)}
    assert scores["unseen"] == {"clips": 2, "accuracy": 0.5, "macro_recall": 0.5}
    assert "unseen" not in seen_and_unseen(probabilities, true, np.ones(5, bool))


def test_the_interval_is_that_of_a_bootstrap_written_out():
    random = np.random.default_rng(0)
    speakers = np.repeat(np.arange(60), random.integers(1, 8, 60))
    true = (speakers % 3).astype(np.int64)
    given = np.where(random.random(60)[speakers] < 0.6, true, random.integers(3, size=len(true)))
    low, high = macro_recall_interval(np.eye(3)[given], true, speakers)
    macro_recalls = []
    for _ in range(2000):
        drawn = random.choice(60, 60)
        clips = np.concatenate([np.flatnonzero(speakers == speaker) for speaker in drawn])
        macro_recalls.append(np.mean([(given[clips] == group)[true[clips] == group].mean() for group in range(3)]))
    assert (low, high) == pytest.approx(tuple(np.quantile(macro_recalls, [0.025, 0.975])), abs=0.02)


def test_few_speakers_make_the_interval_wide():
    true = np.tile([0, 1], 100).astype(np.int64)
    given = np.where(np.arange(200) < 120, true, 1 - true)
    many, few = (
        np.ptp(macro_recall_interval(np.eye(2)[given], true, speakers))
        for speakers in (np.arange(200), np.arange(200) // 20)
    )
    assert few > 2 * many
