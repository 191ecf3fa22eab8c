"""What DVC is told for a run, and what is refused before it is asked. DVC runs in test_project and test_remotes."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline import runs
from pipeline.params import Params, load_params
from pipeline.stage import UserError
from tests.project import done

RAW, DEMO = "data/raw/cv-corpus.tar.gz", "data/demo/cv-corpus-demo-en.tar.gz"


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty current folder, where no stage has to run again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "check_features", lambda corpus: None)
    return tmp_path


def lock(corpus: str) -> None:
    """A dvc.lock of features of that corpus."""
    stage = {"params": {"params.yaml": {"corpus": corpus}}}
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": {"tables": stage}}), encoding="utf-8")


def have(corpus: str) -> None:
    Path(corpus).parent.mkdir(parents=True, exist_ok=True)
    Path(corpus).touch()


def test_with_the_corpus_here_nothing_is_taken_as_unchanged(params, folder):
    have(RAW)
    lock(DEMO)
    assert runs.start_of(replace(params, corpus=RAW)) == []


@pytest.mark.parametrize("corpus", [RAW, DEMO])
def test_pulled_features_replace_the_corpus_that_they_were_made_from(params, folder, corpus):
    lock(corpus)
    Path("data/features").mkdir(parents=True)
    assert runs.start_of(replace(params, corpus=corpus)) == [runs.FROM_FEATURES]


def test_they_replace_no_other_corpus(params, folder):
    lock(DEMO)
    Path("data/features").mkdir(parents=True)
    told = f"corpus is {RAW}: there is no such file; the features that dvc.lock names are from {DEMO}"
    with pytest.raises(UserError, match=told):
        runs.start_of(replace(params, corpus=RAW))


def test_the_demo_is_made_where_there_is_none(params, folder):
    assert runs.start_of(replace(params, corpus=DEMO)) == []
    lock(RAW)
    Path("data/features").mkdir(parents=True)
    assert runs.start_of(replace(params, corpus=DEMO)) == []


@pytest.mark.parametrize(
    ("corpus", "line"),
    [
        ("data/raw", "corpus is data/raw, a folder without a release or a table: it holds nothing"),
        ("~/cv.tar.gz", "corpus is ~/cv.tar.gz: only a shell expands ~: write the full path, or put a link"),
        (RAW, f"corpus is {RAW}: there is no such file, and no features were pulled: make pull"),
    ],
)
def test_a_problem_with_the_corpus_is_reported_before_dvc_runs(params, folder, corpus, line):
    Path("data/raw").mkdir(parents=True)
    lock(RAW)
    with pytest.raises(UserError, match=line):
        runs.start_of(replace(params, corpus=corpus))


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n=======\n", "stages: [", "", "stages: []"])
def test_a_damaged_lock_is_one_line(params, folder, text):
    Path("dvc.lock").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"dvc\.lock cannot be read"):
        runs.start_of(replace(params, corpus=RAW))


def test_an_experiment_runs_in_a_copy_under_a_new_name_with_what_git_does_not_know(params, folder, monkeypatch):
    for name in (
        "models/architectures/cnn.py",
        "models/own/gru.py",
        "models/architectures/tcn.py",
        "notes.txt",
        "data/features/00000.tar",
    ):
        have(name)
    (folder / ".gitignore").write_text("/data\n", encoding="utf-8")
    done("git init -q", folder)
    done("git add .gitignore models/architectures/cnn.py", folder)
    done("git commit -qm first", folder)
    done("git update-ref refs/exps/12/34/tcn-1 HEAD", folder)
    asked = []
    monkeypatch.setattr(runs, "start_of", lambda params: [])
    monkeypatch.setattr(runs, "update_features", lambda *_: asked.append("features"))
    monkeypatch.setattr(runs, "run_dvc", lambda *words: asked.append(words))
    monkeypatch.setattr(runs, "show_experiment", lambda name, is_whole: asked.append(name))
    runs.experiment(params, "tcn")
    copied = ("--copy-paths", "models/architectures/tcn.py", "--copy-paths", "models/own/")
    command = ("exp", "run", "--temp", "--allow-missing", "--name", "tcn-2", *copied, "-S", "model=tcn")
    assert asked == ["features", command, "tcn-2"]


def test_without_a_name_for_git_no_experiment_starts(params, folder, monkeypatch):
    for who in ("AUTHOR", "COMMITTER"):
        for what in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{who}_{what}", raising=False)
    monkeypatch.delenv("EMAIL", raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(folder / "absent"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    with pytest.raises(UserError, match=r"git config user\.name"):
        runs.experiment(params, "tcn")


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The commands that DVC is given, in the place of running them."""
    asked = []
    monkeypatch.setattr(runs, "run_dvc", lambda *words: asked.append(" ".join(words)))
    return asked


@pytest.mark.parametrize("is_changed", [False, True])
def test_an_unpacked_release_that_changed_is_read_again(asked, tmp_path, monkeypatch, is_changed):
    (tmp_path / "validated.tsv").touch()
    monkeypatch.setattr(runs, "are_as_noted", lambda corpus: asked == ["repro tables"] and not is_changed)
    runs.reread_if_changed(tmp_path / "validated.tsv")
    assert asked == ["repro tables", *["repro --force --single-item tables"] * is_changed]


@pytest.mark.parametrize("name", ["corpus.tar.gz", "absent.tsv"])
def test_an_archive_and_a_missing_corpus_are_left_to_dvc(asked, tmp_path, name):
    (tmp_path / "corpus.tar.gz").touch()
    runs.reread_if_changed(tmp_path / name)
    assert not asked
