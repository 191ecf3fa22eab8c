"""Encoders: makes the voice encoder that a model hears by, where it is missing and can be downloaded."""

import subprocess
import sys
from pathlib import Path

from features.front_end import FrontEnd
from models.asking.predictor import ENCODER
from pipeline.paths import DVECTOR
from pipeline.stage import UserError

COMMAND = ("-m", "pipeline.encoder", "dvector")


def make_encoder(front_end: FrontEnd, folder: Path) -> None:
    """Make DVECTOR if the model in `folder` needs it: no encoder lies beside the model, and none was made before.

    In a process of its own, which needs torch and a package index. Raises UserError if that fails.
    """
    file = Path(front_end.settings.get("file", ""))
    if front_end.name != "dvector" or file != DVECTOR or DVECTOR.exists() or (folder / ENCODER).is_file():
        return
    name = Path(sys.argv[0]).stem
    print(f"{name}: making {DVECTOR}, once: pip downloads its weights (16 MB)", file=sys.stderr, flush=True)
    line = [sys.executable, *COMMAND, "--out", str(DVECTOR)]
    pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "encoding": "utf-8", "errors": "replace"}
    ran = subprocess.run(line, **pipes)  # noqa: S603
    if ran.returncode:
        said = ran.stderr.strip().splitlines() or [f"it ends with {ran.returncode}"]
        why = said[-1].removeprefix("encoder: ")
        raise UserError(f"python {' '.join(COMMAND)}, which needs a network and torch, cannot make {DVECTOR}: {why}")
