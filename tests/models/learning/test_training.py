"""Training: epochs, checkpoints, ranks (also board.py, checkpoints.py, classifier.py, hardware.py, recipe.py)."""

import dataclasses
import os
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn import functional

from features.running import progress
from features.store import Store
from models.config import Config
from models.hardware import Hardware
from models.learning.checkpoints import BEFORE, BEST, LAST
from models.learning.classifier import Classifier, labels, prior, warm_cosine
from models.learning.data import VoiceData, normalisation
from models.learning.trained import fresh, load, save
from models.learning.training import History, fit, kept_epoch
from models.recipe import Recipe

ROWS = {"train": np.arange(0, 48), "val": np.arange(48, 60)}


def learn(store: Store, recipe: Recipe, folder, chosen=ROWS, **hardware) -> tuple[list[dict], Classifier]:
    mean, deviation = normalisation(store, chosen["train"])
    settings = {"channels": [4, 4, 4], "dropout": 0.2}
    config = Config(
        "cnn",
        settings,
        ["a", "b", "c"],
        recipe.frames(0.01),
        store.front_end,
        mean.tolist(),
        deviation.tolist(),
        [20, 40, 60],
    )
    torch.manual_seed(recipe.seed)
    classifier = Classifier(fresh(config), config.groups, recipe)
    hardware = Hardware(**{"accelerator": "cpu", "devices": 1} | hardware)
    data = VoiceData(store, chosen, {name: rows % 3 for name, rows in chosen.items()}, recipe, hardware)
    history = fit(classifier, data, folder, folder / "logs", hardware, {"model": "cnn"})
    save(classifier.model, config, folder)
    return history.rows, classifier


def test_learns_and_keeps_its_best_epoch(store, recipe, tmp_path):
    history, classifier = learn(store, recipe, tmp_path)
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    names = {"epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_macro_recall"}
    assert names <= set(history[0])
    best = min(history, key=lambda row: row["val_loss"])
    checkpoint = torch.load(tmp_path / "best.ckpt", weights_only=True)
    assert checkpoint["epoch"] == best["epoch"]
    model, config = load(tmp_path)
    assert config.front_end == store.front_end
    crop = torch.from_numpy(store.crops(np.array([50]), np.array([0]), 30))
    torch.testing.assert_close(model(crop), classifier.model.eval()(crop))


def test_the_same_seed_gives_the_same_epochs(store, recipe, tmp_path):
    recipe = dataclasses.replace(recipe, max_epochs=2)
    first, _ = learn(store, recipe, tmp_path / "a")
    second, _ = learn(store, recipe, tmp_path / "b")
    other, _ = learn(store, dataclasses.replace(recipe, seed=1), tmp_path / "c")
    assert first == second != other


KILLED = """
import os, pickle, signal, sys
from pathlib import Path
from tests.models.learning.test_training import learn
from models.learning.training import History

class History(History):
    def on_train_epoch_start(self, trainer, classifier):
        if trainer.current_epoch == 3:
            os.kill(os.getpid(), signal.SIGKILL)

import models.learning.training
models.learning.training.History = History
store, recipe = pickle.load(open(sys.argv[1], "rb"))
learn(store, recipe, Path(sys.argv[2]))
"""


def test_a_killed_run_ends_like_an_unbroken_one(store, recipe, tmp_path):
    whole, _ = learn(store, recipe, tmp_path / "whole")
    (tmp_path / "job").write_bytes(pickle.dumps((store, recipe)))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "job"), str(tmp_path / "killed")]
    killed = subprocess.run(command, env=os.environ | {"PYTHONPATH": "."}, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert torch.load(tmp_path / "killed" / LAST, weights_only=True)["epoch"] == 2
    resumed, _ = learn(store, recipe, tmp_path / "killed")
    assert resumed == whole
    assert (tmp_path / "killed" / "model.pth").read_bytes() == (tmp_path / "whole" / "model.pth").read_bytes()


def torn(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
    elif how == "foreign":
        torch.save({"state_dict": {}, "callbacks": {}}, path)
    else:
        os.truncate(path, {"empty": 0, "half": path.stat().st_size // 2}[how])


@pytest.fixture(scope="module")
def whole(store, recipe, tmp_path_factory) -> tuple[list[dict], Path]:
    """An unbroken run of six epochs, and its folder."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    history, _ = learn(store, recipe, folder)
    return history, folder


@pytest.mark.parametrize(
    ("names", "how", "epochs"),
    [
        ([LAST], "empty", 1),
        ([LAST], "half", 1),
        ([LAST], "gone", 1),
        ([LAST, BEFORE], "foreign", 6),
        ([BEST], "half", 6),
    ],
)
def test_a_damaged_checkpoint_costs_an_epoch_and_a_line(
    store, recipe, whole, tmp_path, caplog, monkeypatch, names, how, epochs
):
    history, folder = whole
    shutil.copytree(folder, tmp_path / "kept")
    for name in names:
        torn(folder / name, how)
    begun, start = [], History.on_train_start
    monkeypatch.setattr(
        History, "on_train_start", lambda self, *args: begun.append(len(self.rows)) or start(self, *args)
    )
    try:
        resumed, _ = learn(store, recipe, folder)
    finally:
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "kept", folder)
    assert resumed == history
    assert begun == [6 - epochs]
    said = [record.message.split("/")[-1] for record in caplog.records if record.name == "models.learning.checkpoints"]
    assert said == [f"{name} cannot be read and is ignored" for name in names if how != "gone"]


def test_a_run_killed_at_its_very_end_learns_no_further(store, recipe, tmp_path):
    impatient = dataclasses.replace(recipe, learning_rate=1.0, patience=1, max_epochs=20)
    whole, _ = learn(store, impatient, tmp_path)
    assert len(whole) < 20
    again, _ = learn(store, impatient, tmp_path)
    assert again == whole


def test_the_last_checkpoint_is_kept_even_if_it_is_not_the_best(store, recipe, tmp_path):
    wild = dataclasses.replace(recipe, learning_rate=1.0, patience=2, max_epochs=20)
    history, _ = learn(store, wild, tmp_path)
    best, last = (torch.load(tmp_path / name, weights_only=True)["epoch"] for name in ("best.ckpt", LAST))
    assert best == kept_epoch(history, wild) == len(history) - 3
    assert last == len(history) - 1


def test_the_learning_rate_rises_then_falls():
    rates = [warm_cosine(step, 10, 100) for step in range(101)]
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert max(rates) == 1
    assert rates[-1] == pytest.approx(0)


def test_features_on_the_device_give_the_same_epochs(store, recipe, tmp_path):
    recipe = dataclasses.replace(recipe, max_epochs=2)
    stored, _ = learn(store, recipe, tmp_path / "shards", features="store")
    resident, _ = learn(store, recipe, tmp_path / "resident", features="device")
    assert resident == stored


TWO_RANKS = """
import os, pickle, sys
from pathlib import Path
from models.learning.data import Crops
from tests.models.learning.test_training import learn

crops = Crops.__getitem__

def recorded(self, batch):
    with open(f"{sys.argv[2]}.{os.environ.get('LOCAL_RANK', 0)}", "a") as file:
        print(*batch[0], file=file)
    return crops(self, batch)

Crops.__getitem__ = recorded
store, recipe = pickle.load(open(sys.argv[1], "rb"))
learn(store, recipe, Path(sys.argv[2]), devices=2, strategy="ddp")
"""


def test_two_processes_learn_together(store, recipe, tmp_path):
    """On two CPU ranks: each clip comes once per epoch, and the scalars cover all clips."""
    (tmp_path / "job").write_bytes(pickle.dumps((store, dataclasses.replace(recipe, max_epochs=2))))
    (tmp_path / "job.py").write_text(TWO_RANKS)
    command = [sys.executable, str(tmp_path / "job.py"), str(tmp_path / "job"), str(tmp_path / "out")]
    ran = subprocess.run(command, env=os.environ | {"PYTHONPATH": "."}, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    last = torch.load(tmp_path / "out" / LAST, weights_only=True)
    rows = last["callbacks"]["History"]["rows"]
    assert [row["epoch"] for row in rows] == [0, 1]
    assert last["global_step"] == 2 * 3  # 48 clips, two ranks, batches of 8
    batches = [Path(f"{tmp_path / 'out'}.{rank}").read_text(encoding="utf-8").splitlines() for rank in range(2)]
    for epoch in (slice(0, 3), slice(3, 6)):
        met = [int(row) for rank in batches for batch in rank[epoch] for row in batch.split()]
        assert sorted(met) == ROWS["train"].tolist()


def test_the_epoch_where_monitor_is_best_is_kept(store, recipe, tmp_path):
    rows = [{"val_loss": loss, "val_macro_recall": recall} for loss, recall in [(3, 0.2), (1, 0.3), (2, 0.5), (2, 0.5)]]
    by_recall = dataclasses.replace(recipe, monitor="val_macro_recall")
    assert kept_epoch(rows, recipe) == 1
    assert kept_epoch(rows, by_recall) == 2
    history, _ = learn(store, by_recall, tmp_path)
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == kept_epoch(history, by_recall)


def test_the_very_last_epoch_can_be_kept(store, recipe, tmp_path):
    wild = dataclasses.replace(recipe, learning_rate=1.0, patience=1, max_epochs=5)
    worse, _ = learn(store, wild, tmp_path / "stopped")
    assert len(worse) < 5
    history, _ = learn(store, dataclasses.replace(wild, monitor="epoch"), tmp_path / "whole")
    assert len(history) == 5
    assert torch.load(tmp_path / "whole" / "best.ckpt", weights_only=True)["epoch"] == 4


def test_a_log_shows_the_batches_of_each_epoch(store, recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "FIRST", 0)
    monkeypatch.setattr(progress, "BETWEEN", 0)
    learn(store, dataclasses.replace(recipe, max_epochs=2), tmp_path)
    told = [line.split(" batches")[0] for line in capsys.readouterr().err.splitlines()]
    for number in range(2):
        assert f"train, epoch {number}: 6 of 6" in told
        assert f"val, epoch {number}: 2 of 2" in told


def test_steps_wait_for_accumulated_batches(store, recipe, tmp_path):
    recipe = dataclasses.replace(recipe, max_epochs=1, accumulate=3)
    learn(store, recipe, tmp_path)
    assert torch.load(tmp_path / LAST, weights_only=True)["global_step"] == 2  # 6 batches of 8


def test_tensorboard_gets_pictures_and_settings(store, recipe, tmp_path):
    learn(store, dataclasses.replace(recipe, max_epochs=1), tmp_path)
    board = EventAccumulator(str(tmp_path / "logs")).Reload().Tags()
    assert {"val confusion", "val clip 0"} <= set(board["images"])
    assert {"val_loss", "best/val_loss"} <= set(board["scalars"])


def test_ordinal_labels_lean_to_neighbours():
    hard, soft = labels(5, "cross_entropy"), labels(5, "ordinal")
    torch.testing.assert_close(hard, torch.eye(5))
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(5))
    assert (soft.argmax(dim=1) == torch.arange(5)).all()
    assert soft[0, 0] > soft[0, 1] > soft[0, 2]
    torch.testing.assert_close(soft[2, 1], soft[2, 3])


@pytest.mark.parametrize("loss", ["cross_entropy", "ordinal"])
def test_what_is_learnt_without_listening_favours_no_group(loss):
    of_groups = labels(6, loss)
    bias = torch.zeros(6, requires_grad=True)
    slow = torch.optim.LBFGS([bias], max_iter=100)

    def step() -> torch.Tensor:
        slow.zero_grad()
        missed = functional.cross_entropy((bias + prior(of_groups)).expand(6, 6), of_groups)
        missed.backward()
        return missed

    slow.step(step)
    torch.testing.assert_close(bias.detach().softmax(dim=0), torch.full((6,), 1 / 6), atol=1e-4, rtol=0)
    if loss == "cross_entropy":
        assert (prior(of_groups) == 0).all()
