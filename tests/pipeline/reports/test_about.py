"""What is said of a model is of that very model: its corpus, its split, its scores; or it is said to be unknown."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from models.config import ModelError
from pipeline import evaluate, export, predict, train
from pipeline.paths import FEATURES, METRICS, MODEL, SPLIT, SPLIT_REPORT
from pipeline.predict import about_model
from pipeline.reports.about import About, about_trained, read_about, write_about
from pipeline.stage import UserError
from pipeline.train import origin_of
from tests.pipeline.trained import CORPUS, RECIPE, name_corpus, write_metrics, write_model, write_project, write_split

KNOWN = About("corpus.tar.gz", False, False, 96, 37, 0.5, 0.4, 0.6, unsure=0.4)
UNKNOWN = About("corpus.tar.gz", False, None, None, None, None, None, None, unsure=0.4)


@pytest.fixture
def project(tmp_path, monkeypatch, front_end) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["stage"])
    write_project(front_end)
    return tmp_path


def test_the_facts_name_the_training_corpus_and_not_that_of_params(project):
    assert about_trained(MODEL, 0.4) == KNOWN
    assert about_model(MODEL) == KNOWN


def test_the_scores_of_another_model_are_not_this_ones(project, front_end):
    write_model(front_end, weights=1)
    assert about_trained(MODEL, 0.4) == UNKNOWN
    with pytest.raises(UserError, match=r"^data/evaluation has no test results for the model in data/model: [^\n]*$"):
        export.main()
    write_metrics()
    assert about_trained(MODEL, 0.4) == KNOWN


def test_where_nothing_was_evaluated_no_score_is_known(project):
    shutil.rmtree(METRICS.parent)
    assert about_model(MODEL) == UNKNOWN
    with pytest.raises(UserError, match="has no test results for the model"):
        export.main()


def test_a_copy_of_the_model_is_the_same_model(project):
    shutil.copytree(MODEL, "kept")
    assert about_model(Path("kept")) == KNOWN


def test_an_export_keeps_the_facts_of_its_time(project):
    export.main()
    write_split(seed=1)
    METRICS.unlink()
    assert about_model(export.EXPORT) == KNOWN


def test_a_model_that_does_not_say_what_it_was_trained_on_is_refused(project):
    config = json.loads((MODEL / "config.json").read_text(encoding="utf-8"))
    del config["origin"]
    (MODEL / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert about_model(MODEL) is None
    for main in (evaluate.main, export.main):
        with pytest.raises(ModelError, match="does not say what the model was trained on: train it again"):
            main()


def test_the_facts_of_an_export_are_read_back_or_named(project):
    write_about(KNOWN, project)
    assert read_about(project) == KNOWN
    (project / "about.json").write_text('{"corpus": "a.tar"}', encoding="utf-8")
    with pytest.raises(UserError, match=r"about\.json cannot be read \(is_synthetic: [^\n]*export the model again$"):
        read_about(project)


def test_a_model_is_judged_on_its_own_split_alone(project, front_end):
    assert len(evaluate.split_for(MODEL)) == 6
    write_split(seed=1)
    with pytest.raises(UserError, match=r"^data/model was trained on a different split from data/split\.parquet: .*$"):
        evaluate.main()
    write_model(front_end, weights=0)
    assert len(evaluate.split_for(MODEL)) == 6


def test_a_model_is_trained_on_what_the_split_says(project):
    write_split(seed=5)
    name_corpus("data/raw/third.tar")
    origin = origin_of(RECIPE)
    assert (origin.corpus, origin.recipe) == (CORPUS, RECIPE)
    assert (origin.split.seed, origin.split.folds, origin.split.fold) == (5, 10, 0)


@pytest.mark.parametrize("stage", [train, evaluate, export, predict], ids=lambda stage: stage.__name__.split(".")[1])
def test_a_stage_that_is_run_too_early_says_so_in_one_line(stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["stage", *(["clip.mp3"] if stage is predict else [])])
    name_corpus("data/raw/corpus.tar")
    with pytest.raises(
        (UserError, ModelError), match=r"^[^\n]*data/(split\.parquet: dvc repro makes it|model holds no)"
    ):
        stage.main()


@pytest.mark.parametrize("data", [None, b"", b"PAR1 and no more", b"{", b"{}"], ids=str)
@pytest.mark.parametrize(
    ("stage", "path"),
    [
        (train, SPLIT),
        (train, SPLIT_REPORT),
        (evaluate, SPLIT),
        (evaluate, SPLIT_REPORT),
        (evaluate, MODEL / "config.json"),
        (evaluate, MODEL / "history.csv"),
        (export, MODEL / "config.json"),
        (export, MODEL / "model.pth"),
        (export, METRICS),
    ],
    ids=lambda value: str(getattr(value, "__name__", value)),
)
def test_missing_or_damaged_files_are_named_in_one_line(project, stage, path, data):
    path.unlink() if data is None else path.write_bytes(data)
    with pytest.raises((UserError, ModelError), match=rf"^[^\n]*({path}|{path.parent})[^\n]*$"):
        stage.main()


def test_a_damaged_model_is_named(project, monkeypatch):
    monkeypatch.setattr(evaluate, "store_for", lambda config: None)
    (MODEL / "model.pth").write_bytes(b"torn")
    with pytest.raises(ModelError, match=rf"^{MODEL}/model\.pth cannot be run: [^\n]*$"):
        evaluate.main()


def test_features_that_a_model_does_not_know_are_refused(project, front_end, monkeypatch):
    class Store:
        def __init__(self, folder):
            self.front_end = "another"

    monkeypatch.setattr(evaluate, "Store", Store)
    with pytest.raises(UserError, match=f"data/model was trained on different features from those in {FEATURES}: "):
        evaluate.main()
