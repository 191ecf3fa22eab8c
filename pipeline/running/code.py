"""Code: the files a stage depends on. Only dvc.yaml lists them (and those in data/, of stages apart)."""

from collections.abc import Iterator
from pathlib import Path
from string import Template

import yaml

ROOT = Path(__file__).parents[2]  # of the running checkout, which may be an experiment's copy
FOLDERS = ("features", "models", "pipeline")
SUFFIXES = (".py", ".jinja")
APART = {"demo": "data/demo/dvc.yaml", "dvector": "data/encoders/dvc.yaml"}  # stages that run where they are needed


def code_of(stage: str, **chosen: str) -> list[Path]:
    """The code files among a stage's dependencies, also those in folders, sorted.

    `chosen` holds what the list names of params.yaml: model, features. Raises KeyError if it lacks one.
    """
    path = ROOT / APART.get(stage, "dvc.yaml")
    deps = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"][stage]["deps"]
    listed = [ROOT / Template(dep).substitute(chosen) for dep in deps if dep.startswith(FOLDERS)]
    return sorted(file for path in listed for file in ([path] if path.is_file() else found_in(path)))


def found_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in SUFFIXES)
