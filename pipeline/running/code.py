"""Code: the files on which a stage depends, from dvc.yaml, the only place that lists them."""

from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]  # of the running checkout, which may be an experiment's copy
FOLDERS = ("features", "models", "pipeline")
SUFFIXES = (".py", ".jinja")


def code_of(stage: str, model: str = "") -> list[Path]:
    """The code files among a stage's dependencies, also those in folders, sorted; `model` is that of params.yaml."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    listed = [ROOT / dep.replace("${model}", model) for dep in stages[stage]["deps"] if dep.startswith(FOLDERS)]
    return sorted(file for path in listed for file in ([path] if path.is_file() else found_in(path)))


def found_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in SUFFIXES)
