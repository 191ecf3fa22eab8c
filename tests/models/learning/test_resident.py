import numpy as np
import torch

from features.running import progress
from models.learning.resident import Resident


def test_crops_agree_with_the_store(store, monkeypatch):
    monkeypatch.setattr("models.learning.resident.LOADED_AT_ONCE", 7)
    rows = np.array([3, 40, 0, 59, 21, 22, 23, 24, 25, 26])
    resident = Resident(store, rows, "cpu")
    random = np.random.default_rng(0)
    asked = random.choice(rows, 64)
    starts = random.integers(np.maximum(store.frames[asked] - 30, 0), endpoint=True)
    given = resident.crops(torch.from_numpy(asked), torch.from_numpy(starts), 30)
    assert given.dtype == torch.float16
    np.testing.assert_array_equal(given.numpy(), store.crops(asked, starts, 30))


def test_a_short_clip_starts_over(store):
    resident = Resident(store, np.array([0]), "cpu")
    given = resident.crops(torch.tensor([0]), torch.tensor([5]), 70).numpy()
    np.testing.assert_array_equal(given, store.crops(np.array([0]), np.array([5]), 70))


def test_a_log_shows_how_many_clips_are_on_the_device(store, monkeypatch, capsys):
    monkeypatch.setattr("models.learning.resident.LOADED_AT_ONCE", 20)
    monkeypatch.setattr(progress, "FIRST", 0)
    monkeypatch.setattr(progress, "BETWEEN", 0)
    Resident(store, np.arange(60), "cpu")
    assert [line.split(",")[0] for line in capsys.readouterr().err.splitlines()] == [
        "to the device: 40 of 60 clips",
        "to the device: 60 of 60 clips",
    ]
