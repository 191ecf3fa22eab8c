import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from models.bootstrap import SpeakerBootstrap
from models.judging import Judged
from models.scores import resampled_macro_recall
from pipeline import compare
from pipeline.compare import differences_table, planned
from pipeline.stage import UserError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")


def test_every_architecture_meets_every_fold_and_seed(settings):
    runs = planned(["cnn", "tcn"], folds=2, seeds=2)
    assert len({run.name for run in runs}) == 8
    assert {(run.model, run.fold, run.seed) for run in runs} == {
        (model, fold, seed) for model in ("cnn", "tcn") for fold in (0, 1) for seed in (0, 1)
    }


def test_a_run_is_known_again_unless_its_settings_changed(settings):
    before = {run.model: run.name for run in planned(["cnn", "tcn"], 1, 1)}
    text = settings.read_text()
    settings.write_text(text.replace("model: cnn", "model: tcn").replace("fold: 0 #", "fold: 5 #"))
    assert {run.model: run.name for run in planned(["cnn", "tcn"], 1, 1)} == before
    settings.write_text(text.replace("channels: 64, kernel: 3", "channels: 32, kernel: 3"))
    after = {run.model: run.name for run in planned(["cnn", "tcn"], 1, 1)}
    assert after["cnn"] == before["cnn"]
    assert after["tcn"] != before["tcn"]
    settings.write_text(text.replace("weight_decay: 1.0e-2", "weight_decay: 1.0e-3"))
    assert not set(before.values()) & {run.name for run in planned(["cnn", "tcn"], 1, 1)}


def test_a_difference_is_real_only_if_it_outlasts_other_speakers():
    random = np.random.default_rng(0)
    true, speakers = np.arange(600) % 3, np.arange(600) // 2
    hard = random.random(600)
    rates = {"good": 0.8, "nearly": 0.79, "bad": 0.5}
    judged = {
        name: Judged(np.eye(3)[np.where(hard < rate, true, (true + 1) % 3)], true, np.zeros(600), speakers)
        for name, rate in rates.items()
    }
    bootstrap = SpeakerBootstrap(speakers)
    recalls = {name: resampled_macro_recall(each, bootstrap) for name, each in judged.items()}
    table = differences_table(recalls, list(rates)).set_index(["better", "worse"])
    assert table["is_real"].to_dict() == {("good", "nearly"): False, ("good", "bad"): True, ("nearly", "bad"): True}
    assert (table["low"] <= table["difference"]).all()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--models", "vgg"], "there is no model 'vgg': allowed are cnn"),
        (["--folds", "11"], "--folds is 11: allowed are 1 to 10"),
        (["--seeds", "0"], "--seeds is 0"),
    ],
)
def test_wrong_arguments_are_one_line(settings, monkeypatch, arguments, line):
    monkeypatch.setattr(sys, "argv", ["compare", *arguments])
    with pytest.raises(UserError, match=line):
        compare.main()
