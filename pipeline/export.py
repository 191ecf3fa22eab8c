"""Export: the trained model as files that run elsewhere: model.onnx, model.safetensors, config.json, about.json.

A plain command, not a stage: run it to take the model out of the project. With speakers.bin, whom the model has learnt
from, `judge` can leave these people out.
"""

import shutil
from pathlib import Path

from features.front_end import FrontEnd
from models.asking.predictor import ENCODER
from models.exported import export
from models.learning.trained import load
from pipeline.params import load_params
from pipeline.paths import EVALUATION, EXPORT, MODEL, SPLIT
from pipeline.reports.about import about_trained, model_fingerprint, write_about
from pipeline.running.aside import build_aside
from pipeline.splits.heard import HEARD, speakers_of, write_heard
from pipeline.stage import UserError, run_stage


def copy_encoder(front_end: FrontEnd, folder: Path) -> None:
    """Put the encoder that the model hears by, if it is one, beside it."""
    if file := front_end.settings.get("file"):
        shutil.copy(file, folder / ENCODER)


def copy_heard(split: str, folder: Path) -> None:
    """Say whom the model has learnt from, if the split that it was trained on is at hand."""
    heard = speakers_of(split)
    if heard is None:
        print(f"export: no {HEARD}, which says whom the model has learnt from: {SPLIT} is not what it was trained on")
    else:
        write_heard(heard, folder)


def main() -> None:
    about, (model, config) = about_trained(MODEL, load_params().predict.unsure), load(MODEL)
    if about.macro_recall is None:
        raise UserError(f"{EVALUATION} has no test results for the model in {MODEL}: dvc repro evaluate makes them")
    with build_aside(EXPORT, model_fingerprint(MODEL)) as partial:
        export(model, config, partial)
        write_about(about, partial)
        copy_encoder(config.front_end, partial)
        copy_heard(config.origin.split.fingerprint, partial)
    for path in sorted(EXPORT.iterdir()):
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    run_stage(main)
