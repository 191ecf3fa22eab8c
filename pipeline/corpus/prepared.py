"""Prepared: a corpus that was read, cleaned and decoded in a folder of its own, without DVC."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.paths import CLIPS, ENCODERS, FEATURES, PYRAMID, TABLES
from pipeline.stage import UserError

LAST = {"tables": TABLES, "filter": PYRAMID, "pack": CLIPS, "decode": FEATURES}  # what each writes last, and whole
STAGES = tuple(LAST)
ROOT = Path(__file__).parents[2]


def changed(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The settings with these changes, section by section."""
    return settings | {
        name: settings[name] | change if isinstance(change, dict) else change for name, change in changes.items()
    }


def prepare(corpus: Path, settings: dict[str, Any], folder: Path, stages: Sequence[str] = STAGES) -> None:
    """Run `stages` on `corpus` in `folder`, with `settings` as its params.yaml and the project's encoders.

    A stage that was finished there is not run again: a folder is for one corpus, and for one set of the settings that
    decide what stages make. Raises UserError if a stage fails, which has said why.
    """
    whole = settings | {"corpus": str(corpus.absolute())}
    (folder / "params.yaml").write_text(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True), encoding="utf-8")
    encoders = folder / ENCODERS
    encoders.parent.mkdir(parents=True, exist_ok=True)
    if not encoders.is_symlink():
        encoders.symlink_to(ENCODERS.absolute())
    for stage in stages:
        if not (folder / LAST[stage]).exists() and run(stage, folder):
            raise UserError(f"{corpus} could not be prepared: {stage} failed in {folder}")


def run(stage: str, folder: Path) -> int:
    """The exit code of a stage that is run in `folder`. If this process is told to end, so is the stage."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    line = [sys.executable, "-m", f"pipeline.{stage}"]
    with subprocess.Popen(line, cwd=folder, env=os.environ | {"PYTHONPATH": path}) as process:  # noqa: S603
        try:
            return process.wait()
        except BaseException:
            process.terminate()
            raise
