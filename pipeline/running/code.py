"""Code: the files a stage depends on. Only dvc.yaml lists them (and data/demo/dvc.yaml, for the demo)."""

from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]  # of the running checkout, which may be an experiment's copy
FOLDERS = ("features", "models", "pipeline")
SUFFIXES = (".py", ".jinja")


def code_of(stage: str, model: str = "") -> list[Path]:
    """The code files among a stage's dependencies, also those in folders, sorted; `model` is that of params.yaml."""
    path = ROOT / ("data/demo/dvc.yaml" if stage == "demo" else "dvc.yaml")
    deps = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"][stage]["deps"]
    listed = [ROOT / dep.replace("${model}", model) for dep in deps if dep.startswith(FOLDERS)]
    return sorted(file for path in listed for file in ([path] if path.is_file() else found_in(path)))


def found_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in SUFFIXES)
