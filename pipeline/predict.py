"""Predict: what a model says about the voices in sound files, and when not to believe it."""

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from features.decoding.rejected import Rejected
from features.decoding.sound import quiet_decoder
from features.running.progress import counted
from models.asking.predictor import UNSURE, Prediction, Predictor, complaint
from models.asking.spectrogram import HOP
from models.config import ModelError, read_config
from pipeline.params import load_params
from pipeline.paths import MODEL, PRETRAINED
from pipeline.reports.about import About, about_trained, read_about
from pipeline.running.terminal import printable
from pipeline.stage import UserError, run_stage
from pipeline.voices.encoders import make_encoder
from pipeline.voices.recordings import SUFFIXES, Refuse, expand, read_recording
from pipeline.voices.synthetic import RATE, draw_voice, speak

__all__ = [  # what the web page uses
    "HOP",
    "SUFFIXES",
    "UNSURE",
    "About",
    "ModelError",
    "Prediction",
    "Predictor",
    "Rejected",
    "UserError",
    "about_model",
    "complaint",
    "models_here",
    "open_predictor",
    "printable",
    "run_stage",
    "write_examples",
]

HEARD_AT_ONCE = 64
EXAMPLES = {  # ages and sexes as in the demo corpus, by their names on the page
    "a boy's voice": (15, "male"),
    "a young woman's": (25, "female"),
    "a man's in his forties": (45, "male"),
    "an old woman's": (72, "female"),
}

Row = tuple[str, Prediction]  # a file's name and its prediction


def open_predictor(folder: Path, unsure: float | None = None) -> Predictor:
    """The predictor of the model in `folder`; `unsure` defaults to the value exported with it, else to params.yaml's.

    Raises ModelError for a folder without a model, and UserError if its encoder is missing and cannot be made.
    """
    config = read_config(folder)  # first of all, is there a model?
    make_encoder(config.front_end, folder)
    if unsure is None:
        about = read_about(folder)
        unsure = about.unsure if about else load_params().predict.unsure
    return Predictor(folder, unsure)


def about_model(folder: Path) -> About | None:
    """The facts about the model: those exported with it, or else those that the stages found out."""
    about = read_about(folder)
    if about or read_config(folder).origin is None:
        return about
    return about_trained(folder, load_params().predict.unsure)


def model_here() -> Path:
    """The model that answers if none is named: the one trained here, or else the pretrained one, with a line on
    standard error.
    """
    if holds_model(MODEL) or not holds_model(PRETRAINED):
        return MODEL
    print(f"predict: no model was trained here, so {PRETRAINED} answers", file=sys.stderr)
    return PRETRAINED


def models_here() -> list[Path]:
    """The models that the page offers if none is named, the best first.

    One trained here on people stands alone. One trained on synthetic voices knows no people: the pretrained model comes
    before it.
    """
    if not holds_model(PRETRAINED):
        return [MODEL]
    if not holds_model(MODEL):
        return [PRETRAINED]
    about = about_model(MODEL)
    return [PRETRAINED, MODEL] if about and about.is_synthetic else [MODEL]


def holds_model(folder: Path) -> bool:
    return (folder / "config.json").is_file()


def write_examples(folder: Path) -> dict[str, Path]:
    """Write a few synthetic voices as WAV files. Returns their paths by name."""
    paths = {}
    for number, (name, (age, sex)) in enumerate(EXAMPLES.items()):
        rng = np.random.default_rng(number)
        paths[name] = folder / f"example{number}.wav"
        soundfile.write(paths[name], 0.5 * speak(draw_voice(age, sex, rng), 4.0, rng), RATE)
    return paths


def predictions(predictor: Predictor, names: Iterable[str], refuse: Refuse) -> Iterator[Row]:
    """The prediction for each file, in order; `refuse` is given the name of each without one, and why."""
    names = iter(names)
    while some := list(islice(names, HEARD_AT_ONCE)):
        recordings = []
        for name in some:
            try:
                with quiet_decoder():
                    recordings.append((name, predictor.hear(read_recording(name))))
            except Rejected as rejected:
                refuse(name, complaint(rejected))
            except OSError as error:
                refuse(name, error.strerror or str(error))
        judged = predictor.judge([heard for _, heard in recordings])
        yield from zip([name for name, _ in recordings], judged, strict=True)


def as_table(rows: Iterable[Row], width: int, groups: list[str]) -> Iterator[str]:
    """Lines for people; `width` is the width of the printed names."""
    across = max(len(group) for group in [*groups, UNSURE])
    reach = 2 * max(len(group) for group in groups) + len(" to ")
    yield f"{'file':{width}}  {'group':{across}}  probability   age  {'80 % range':{reach}}  warnings".rstrip()
    for name, prediction in rows:
        shown, between = printable(name), " to ".join(dict.fromkeys(prediction.range))
        yield (
            f"{shown:{width}}  {prediction.group:{across}}  {prediction.probability:11.2f}  {prediction.age:4.1f}  "
            f"{between:{reach}}  {', '.join(prediction.warnings)}"
        ).rstrip()


def as_json(rows: Iterable[Row]) -> Iterator[str]:
    """One object per line; a name that cannot be printed is written with JSON's escapes."""
    for name, prediction in rows:
        yield json.dumps({"file": name} | asdict(prediction), ensure_ascii=not name.isprintable())


def as_csv(rows: Iterable[Row], groups: list[str]) -> Iterator[str]:
    columns = ["file", "group", "probability", "age", "range_low", "range_high", "seconds", "warnings"]
    yield csv_line([*columns, *groups])
    for name, prediction in rows:
        facts = [prediction.group, prediction.probability, prediction.age, *prediction.range, prediction.seconds]
        yield csv_line([printable(name), *facts, "; ".join(prediction.warnings), *prediction.probabilities.values()])


def csv_line(values: list) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="sound files, folders, or - for standard input")
    help_model = f"default: {MODEL}, or {PRETRAINED} if no model was trained here"
    parser.add_argument("--model", type=Path, metavar="DIR", help=help_model)
    parser.add_argument("--unsure", type=share, metavar="P", help="no group is named below this probability")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="one object per line")
    forms.add_argument("--csv", action="store_true")
    return parser.parse_args()


def share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a probability: it must be between 0 and 1")
    return value


def main() -> None:
    chosen = arguments()
    predictor = open_predictor(chosen.model or model_here(), chosen.unsure)
    refused = []

    def note(name: str, what: str) -> None:
        tqdm.write(f"{printable(name or repr(name))}: {printable(what)}", file=sys.stderr)

    def refuse(name: str, why: str) -> None:
        refused.append(name)
        note(name, why)

    names, groups = expand(chosen.files, refuse, note), predictor.config.groups
    rows = predictions(predictor, counted(names, "predict", len(names), "clips"), refuse)
    if chosen.json:
        lines = as_json(rows)
    elif chosen.csv:
        lines = as_csv(rows, groups)
    else:
        lines = as_table(rows, max(len(printable(name)) for name in [*names, "file"]), groups)
    for line in lines:
        tqdm.write(line)
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    run_stage(main)
