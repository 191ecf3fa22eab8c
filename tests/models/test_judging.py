import numpy as np
import pytest
import torch
from torch import nn

from models.classifier import Normalised, clip_probabilities
from models.data import window_starts
from models.judging import confusion, judge, metrics

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
    together = judge(model, store, rows, frames=30)
    for row, given in zip(rows, together, strict=True):
        starts = window_starts(store.frames[row], 30)
        windows = torch.from_numpy(store.crops(np.repeat(row, len(starts)), starts, 30))
        with torch.no_grad():
            expected = model(windows).softmax(dim=1).mean(dim=0)
        np.testing.assert_allclose(given, expected, atol=1e-6)
