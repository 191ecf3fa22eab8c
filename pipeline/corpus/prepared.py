"""Prepared: a corpus that was read, cleaned and decoded in a folder of its own, without DVC."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from pipeline.paths import ENCODERS
from pipeline.stage import UserError

STAGES = ("tables", "filter", "pack", "decode")
ROOT = Path(__file__).parents[2]


def prepare(corpus: Path, settings: dict[str, Any], folder: Path) -> None:
    """Run STAGES on `corpus` in `folder`, with `settings` as its params.yaml and the project's encoders.

    Raises UserError if a stage fails, which has said why.
    """
    whole = settings | {"corpus": str(corpus.absolute())}
    (folder / "params.yaml").write_text(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True), encoding="utf-8")
    (folder / ENCODERS).parent.mkdir(parents=True, exist_ok=True)
    (folder / ENCODERS).symlink_to(ENCODERS.absolute())
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    for stage in STAGES:
        line = [sys.executable, "-m", f"pipeline.{stage}"]
        if subprocess.run(line, cwd=folder, env=os.environ | {"PYTHONPATH": path}).returncode:  # noqa: S603
            raise UserError(f"{corpus} could not be prepared: {stage} failed")
