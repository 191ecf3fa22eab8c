from pathlib import Path

import pytest
import yaml

from pipeline.comparing import mark
from pipeline.comparing.mark import DATA_STAGES, marks_of
from pipeline.running import code
from pipeline.stage import UserError

PARAMS = Path("params.yaml").read_text(encoding="utf-8")
DVC = Path("dvc.yaml").read_text(encoding="utf-8")
OWN = "data/splits/own.csv"
CODE = ("pipeline/split.py", "pipeline/reports/card.md.jinja", "features/store.py", "models/learning/data.py")
ELSEWHERE = ("pipeline/decode.py", "pipeline/running/engine.py", "models/asking/predictor.py", "app.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """All that a mark looks at, each as small as can be."""
    monkeypatch.chdir(tmp_path)
    write("params.yaml", PARAMS.replace("  by: speaker", f"  by: {OWN}"))
    write("dvc.yaml", DVC)
    for path in (*CODE, *ELSEWHERE, "models/architectures/cnn.py", "models/architectures/tcn.py", OWN):
        write(path, "as it was")
    monkeypatch.setattr(code, "ROOT", tmp_path)
    lock = {
        name: {"deps": [{"path": "read", "md5": f"{name} a"}], "outs": [{"md5": f"{name} b"}]} for name in DATA_STAGES
    }
    write("dvc.lock", yaml.safe_dump({"stages": lock | {"split": {"outs": [{"md5": "c"}]}}}))
    return tmp_path


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def replace(path: str, old: str, new: str) -> None:
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    write(path, text.replace(old, new))


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        *((path, "as it was", "edited") for path in (*CODE, OWN)),
        ("dvc.lock", "tables a", "another corpus"),
        ("dvc.lock", "filter b", "another manifest"),
        ("dvc.lock", "decode b", "other features"),
        ("params.yaml", "weight_decay: 1.0e-2", "weight_decay: 1.0e-3"),
        ("params.yaml", "balance: undersample", "balance: keep"),
        ("params.yaml", "folds: 10", "folds: 9"),
    ],
)
def test_a_mark_changes_with_what_scores_depend_on(project, path, old, new):
    before = marks_of(["cnn", "tcn"])
    assert marks_of(["cnn", "tcn"]) == before
    replace(path, old, new)
    after = marks_of(["cnn", "tcn"])
    assert not set(before.values()) & set(after.values())


def test_another_torch_is_another_mark(project, monkeypatch):
    before = marks_of(["cnn"])
    monkeypatch.setattr(mark, "version", lambda name: "99" if name == "torch" else "1")
    after = marks_of(["cnn"])
    monkeypatch.setattr(mark, "version", lambda name: "98" if name == "torch" else "1")
    assert len({each["cnn"] for each in (before, after, marks_of(["cnn"]))}) == 3


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("params.yaml", "model: cnn", "model: tcn"),
        ("params.yaml", "fold: 0 #", "fold: 5 #"),
        ("params.yaml", "seed: 0\n\nrecipes", "seed: 1\n\nrecipes"),
        ("params.yaml", "loader_workers: 0", "loader_workers: 4"),
        ("dvc.lock", "md5: c", "md5: d"),
    ],
)
def test_fold_seed_and_anything_without_effect_on_scores_leave_it_alone(project, path, old, new):
    before = marks_of(["cnn"])
    replace(path, old, new)
    assert marks_of(["cnn"]) == before


def test_an_architectures_settings_are_its_own(project):
    before = marks_of(["cnn", "tcn"])
    replace("params.yaml", "channels: 64, kernel: 3", "channels: 32, kernel: 3")
    after = marks_of(["cnn", "tcn"])
    assert after["cnn"] == before["cnn"]
    assert after["tcn"] != before["tcn"]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_code_that_no_run_repeats_leaves_it_alone(project, path):
    before = marks_of(["cnn"])
    replace(path, "as it was", "edited")
    assert marks_of(["cnn"]) == before


def test_an_architectures_code_is_its_own(project):
    before = marks_of(["cnn", "tcn"])
    replace("models/architectures/tcn.py", "as it was", "edited")
    after = marks_of(["cnn", "tcn"])
    assert after["cnn"] == before["cnn"]
    assert after["tcn"] != before["tcn"]


def test_a_users_split_that_is_missing_is_named(project):
    Path(OWN).unlink()
    with pytest.raises(UserError, match=rf"split\.by is {OWN}: there is no such file"):
        marks_of(["cnn"])
