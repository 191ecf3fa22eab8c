"""dvc.yaml alone says which code a stage depends on; it is held to what each stage reaches (also code.py)."""

import ast
from functools import cache
from itertools import product
from pathlib import Path

import pytest
import yaml

from features.front_ends import FRONT_ENDS
from models.architectures import ARCHITECTURES
from pipeline.running.code import FOLDERS, code_of

STAGES = [*yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"], "demo"]
HOW = (  # how stages run and what they are told, never what they make of it: an edit makes nothing stale
    "features/running",
    "pipeline/running",
    "pipeline/params.py",
    "pipeline/paths.py",
    "pipeline/stage.py",
    "models/hardware.py",
)
DICTIONARIES = {  # each imports all; a stage depends on the chosen one
    "models/architectures/__init__.py": "models/architectures/{model}.py",
    "features/front_ends/__init__.py": "features/front_ends/{features}.py",
}
CHOICES = list(product(ARCHITECTURES, FRONT_ENDS))


@cache
def uses(path: str) -> set[str]:
    """The project's files that a file imports, anywhere in it, and the templates that it renders."""
    found = set()
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "render":
            found |= {f"pipeline/{arg.value}.md.jinja" for arg in node.args if isinstance(arg, ast.Constant)}
            continue
        else:
            continue
        files = (file for name in names for file in (f"{name}.py", f"{name}/__init__.py"))
        paths = {file.replace(".", "/", file.count(".") - 1) for file in files}
        found |= {each for each in paths if each.startswith(FOLDERS) and Path(each).is_file()}
    return found


def reached(stage: str, model: str, features: str) -> set[str]:
    """The code that a stage reaches, with empty files left out."""
    start = f"pipeline/{stage}.py"
    found, todo = set(), [start]
    while todo:
        path = todo.pop()
        if path in found or path.startswith(HOW) or not Path(path).read_text(encoding="utf-8"):
            continue
        path = DICTIONARIES.get(path, path).format(model=model, features=features)
        found.add(path)
        todo += uses(path) if path.endswith(".py") else []
    return found


def listed(stage: str, model: str, features: str) -> set[str]:
    root = Path.cwd()
    paths = (path for path in code_of(stage, model=model, features=features) if path.read_text(encoding="utf-8"))
    return {str(path.relative_to(root)) for path in paths}


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_reaches_is_what_it_depends_on(stage):
    reached_by_any = set()
    for choice in CHOICES:
        mine = reached(stage, *choice)
        assert not mine - listed(stage, *choice), f"not listed, for {choice}"
        reached_by_any |= mine
    assert not listed(stage, "cnn", "logmel") - reached_by_any, "never reached"


def stale(edited: str) -> set[str]:
    """The stages that an edit makes stale at once, with the CNN on log-mel; what these make may make others so."""
    return {stage for stage in STAGES if edited in listed(stage, "cnn", "logmel")}


@pytest.mark.parametrize(
    ("edited", "stages"),
    [
        ("features/decoding/mp3.py", {"decode"}),
        ("features/front_end.py", {"decode", "train", "evaluate"}),
        ("features/front_ends/logmel.py", {"decode", "train", "evaluate"}),
        ("features/front_ends/dvector.py", set()),
        ("features/front_ends/__init__.py", set()),
        ("models/encoders/dvector.py", set()),
        ("features/store.py", {"train", "evaluate"}),
        ("features/running/progress.py", set()),
        ("models/architectures/cnn.py", {"train", "evaluate"}),
        ("models/architectures/tcn.py", set()),
        ("models/architectures/__init__.py", set()),
        ("models/learning/training.py", {"train", "evaluate"}),
        ("models/judging/scores.py", {"evaluate"}),
        ("models/asking/predictor.py", set()),
        ("pipeline/corpus/tar.py", {"tables", "pack"}),
        ("pipeline/corpus/rules.py", {"filter"}),
        ("pipeline/splits/folds.py", {"split"}),
        ("pipeline/reports/card.md.jinja", {"evaluate"}),
        ("pipeline/comparing/mark.py", set()),
        ("pipeline/running/engine.py", set()),
        ("pipeline/voices/recordings.py", set()),
        ("pipeline/voices/synthetic.py", {"demo"}),
        ("page/picture.py", set()),
        ("app.py", set()),
    ],
)
def test_an_edit_makes_stale_what_depends_on_it_and_nothing_else(edited, stages):
    assert Path(edited).is_file()
    assert stale(edited) == stages
