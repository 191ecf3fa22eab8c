import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.judging.bootstrap import SpeakerBootstrap
from models.judging.judged import Judged
from models.judging.scores import resampled_macro_recall
from models.origin import Origin, SplitFacts
from pipeline import compare
from pipeline.compare import ComparedRun, comparison_page, differences_table, judged_by_model, planned
from pipeline.stage import UserError
from tests.pipeline.trained import CORPUS, RECIPE

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")


def test_every_architecture_meets_every_fold_and_seed(monkeypatch):
    monkeypatch.setattr(compare, "marks_of", lambda models: {model: f"mark of {model}" for model in models})
    runs = planned(["cnn", "tcn"], folds=2, seeds=2)
    assert len({run.name for run in runs}) == 8
    assert {(run.model, run.fold, run.seed, run.mark) for run in runs} == {
        (model, fold, seed, f"mark of {model}") for model in ("cnn", "tcn") for fold in (0, 1) for seed in (0, 1)
    }


def test_the_data_is_up_to_date_before_runs_are_marked(settings, monkeypatch):
    done = []
    monkeypatch.setattr(sys, "argv", ["compare", "--models", "cnn"])
    monkeypatch.setattr(compare, "command", lambda *words: done.append(words[0]))
    monkeypatch.setattr(compare, "marks_of", lambda models: done.append("marks") or dict.fromkeys(models, "mark"))
    monkeypatch.setattr(compare, "train_all", stop)
    with pytest.raises(KeyboardInterrupt):
        compare.main()
    assert done == ["repro", "marks"]


@pytest.mark.parametrize(("by", "folds"), [("speaker", 3), ("official", 1)])
def test_a_split_that_is_given_is_one_fold(settings, monkeypatch, by, folds):
    settings.write_text(settings.read_text(encoding="utf-8").replace("by: speaker", f"by: {by}"), encoding="utf-8")
    planned = []
    monkeypatch.setattr(sys, "argv", ["compare", "--models", "cnn"])
    monkeypatch.setattr(compare, "command", lambda *words: "")
    monkeypatch.setattr(compare, "marks_of", lambda models: dict.fromkeys(models, "mark"))
    monkeypatch.setattr(compare, "train_all", lambda runs: planned.extend(runs) or stop())
    with pytest.raises(KeyboardInterrupt):
        compare.main()
    assert len(planned) == folds


def stop(*_) -> None:
    raise KeyboardInterrupt


def test_the_page_names_what_the_runs_were_trained_on():
    judged = Judged(np.eye(2)[[0, 1, 1, 0]], np.array([0, 1, 1, 0]), np.zeros(4), np.arange(4))
    facts = {"macro_recall": 1.0, "low": 1.0, "high": 1.0}
    table = pd.DataFrame(
        [{"model": "cnn", **facts, "parameters": 9, "epochs": 2, "train_seconds": 1, "clips_per_second": 5}]
    )
    runs = [ComparedRun("cnn", fold, 0, "mark") for fold in (0, 1)]
    folded = Origin(CORPUS, SplitFacts("speaker", 0, {}, "", 10, 0), RECIPE)
    text = comparison_page(folded, runs, judged, table, pd.DataFrame())
    assert "corpus.tar.gz, split by speaker: test clips of 2 of 10 folds pooled, 1 seed: 4 clips of 4 speakers" in text
    given = Origin(CORPUS, SplitFacts("official", 0, {}, ""), RECIPE)
    text = comparison_page(given, runs[:1], judged, table, pd.DataFrame())
    assert "corpus.tar.gz, split by official: test clips of 1 seed: 4 clips of 4 speakers" in text


def predictions(keys: list[str], groups: list[str], given: list[str]) -> pd.DataFrame:
    """What evaluate writes: the true groups in turn, the model sure of those that are given."""
    true = pd.Categorical([groups[number % 2] for number in range(len(keys))], groups)
    sure = {group: np.array(given) == group for group in groups}
    rows = {"key": keys, "speaker": keys, "group": true, **sure}
    return pd.DataFrame(rows | {"baseline: shortcuts": groups[0], "baseline: majority": groups[1]})


def test_folds_are_pooled_in_the_same_order_for_all(monkeypatch):
    groups = ["young", "old"]
    of_run = {
        ("cnn", 0): predictions(["a", "b"], groups, ["young", "old"]),
        ("cnn", 1): predictions(["c", "d", "e"], groups, ["old", "old", "young"]),
        ("tcn", 0): predictions(["a", "b"], groups, ["old", "old"]),
        ("tcn", 1): predictions(["c", "d", "e"], groups, ["young", "young", "young"]),
    }
    monkeypatch.setattr(
        compare, "predictions_of", lambda run: of_run[run.model, run.fold].assign(fold=run.fold, seed=0)
    )
    runs = [ComparedRun(model, fold, 0, "mark") for fold in (0, 1) for model in ("cnn", "tcn")]
    judged = judged_by_model(runs)
    assert list(judged) == ["cnn", "tcn", "baseline: shortcuts"]
    assert list(judged["cnn"].speakers) == ["a", "b", "c", "d", "e"]
    assert list(judged["cnn"].targets) == [0, 1, 0, 1, 0]
    assert list(judged["cnn"].predicted) == [0, 1, 1, 1, 0]
    assert list(judged["tcn"].predicted) == [1, 1, 0, 0, 0]
    of_run["tcn", 1] = predictions(["c", "d", "f"], groups, ["young", "young", "young"])
    with pytest.raises(UserError, match="tcn and cnn were tested on different clips"):
        judged_by_model(runs)


def test_a_difference_is_real_only_if_it_survives_resampling_speakers():
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
