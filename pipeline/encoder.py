"""Encoder: writes a pretrained voice encoder as an ONNX file, which a front-end runs."""

import argparse
import hashlib
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from tempfile import TemporaryDirectory
from typing import BinaryIO

import torch

from models.encoders import dvector
from models.encoders.exported import write_encoder
from models.encoders.speech import MODELS, POOLS, STEP, Speech, load_speech
from pipeline.paths import ENCODERS
from pipeline.stage import UserError, run_stage

PACKAGE = "Resemblyzer==0.1.4"
WHEEL = "Resemblyzer-0.1.4-py3-none-any.whl"
WHEEL_SHA256 = "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f"
WEIGHTS = "resemblyzer/pretrained.pt"  # in the wheel


def main() -> None:
    args = parse_arguments()
    args.make(args)
    network = args.out.read_bytes()
    print(f"{args.out}: {len(network):,} bytes, SHA-256 {hashlib.sha256(network).hexdigest()}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipeline.encoder", description=__doc__)
    encoders = parser.add_subparsers(required=True, metavar="ENCODER")
    add_dvector(encoders.add_parser("dvector", help="speaker embeddings (GE2E): 256 values every 0.8 s"))
    for kind in MODELS:
        add_speech(encoders.add_parser(kind, help="layers of this speech model, with weights of your own"), kind)
    return parser.parse_args()


def add_dvector(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=ENCODERS / "dvector/dvector.onnx", help="default: %(default)s")
    parser.add_argument("--wheel", type=Path, help=f"{WHEEL}, where it is at hand; by default pip downloads it")
    parser.set_defaults(make=make_dvector)


def make_dvector(args: argparse.Namespace) -> None:
    wheel = args.wheel.read_bytes() if args.wheel else downloaded_wheel()
    found = hashlib.sha256(wheel).hexdigest()
    if found != WHEEL_SHA256:
        raise UserError(f"{args.wheel or WHEEL} has the SHA-256 {found}, not {WHEEL_SHA256}: it is not {PACKAGE}")
    try:
        encoder = dvector.dvector_of(read_weights(wheel))
    except ValueError as error:
        raise UserError(f"{args.wheel or WHEEL} does not hold the encoder: {error}") from error
    write_encoder(encoder, dvector.ABOUT, args.out)


def downloaded_wheel() -> bytes:
    """The wheel, as pip gets it. Nothing of it is installed or run."""
    with TemporaryDirectory() as folder:
        options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet", "--dest", folder]
        line = [sys.executable, "-m", "pip", "download", *options, PACKAGE]
        ran = subprocess.run(line, capture_output=True, encoding="utf-8", errors="replace")  # noqa: S603
        if ran.returncode:
            said = ran.stderr.strip().splitlines() or ["it failed"]
            raise UserError(f"pip cannot download {PACKAGE}: {said[-1]}; --wheel takes a copy of {WHEEL}")
        return Path(folder, WHEEL).read_bytes()


def read_weights(wheel: bytes) -> dict[str, torch.Tensor]:
    """The weights in the wheel, by their names. Raises ValueError where there are none."""
    try:
        with zipfile.ZipFile(BytesIO(wheel)) as files:
            pretrained = BytesIO(files.read(WEIGHTS))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"there is no {WEIGHTS} in it") from error
    weights = load_weights(pretrained).get("model_state")
    if not isinstance(weights, dict):
        raise ValueError(f"{WEIGHTS} has no model_state")
    return weights


def add_speech(parser: argparse.ArgumentParser, kind: str) -> None:
    out, default = ENCODERS / "encoder/encoder.onnx", "default: %(default)s"
    parser.add_argument("--size", choices=MODELS[kind], required=True)
    parser.add_argument("--weights", type=Path, required=True, help="a file of torchaudio's, such as .pth")
    parser.add_argument("--layers", type=numbers, required=True, help="for example 1-12, or 3,6,9; the first is 1")
    parser.add_argument("--window", type=frames, default="1.0", help=f"s that a frame stands for; {default}")
    parser.add_argument("--hop", type=frames, default="0.5", help=f"s from one frame to the next; {default}")
    parser.add_argument("--pool", choices=POOLS, default=POOLS[0], help=f"what is kept of a window; {default}")
    parser.add_argument("--licence", default="not stated", help=f"of the weights, for the file's metadata; {default}")
    parser.add_argument("--out", type=Path, default=out, help=default)
    parser.set_defaults(make=make_speech, kind=kind)


def numbers(text: str) -> list[int]:
    """The numbers that `1-3,6` stands for, in order. Raises ValueError for none."""
    ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    found = sorted({number for each in ends for number in range(each[0], each[-1] + 1)})
    if not found:
        raise ValueError(text)
    return found


def frames(text: str) -> int:
    """As many of a speech model's frames as these seconds hold. Raises ValueError for none."""
    count = float(text) / STEP
    if not 0.5 < count < 1e6:  # nor is NaN
        raise ValueError(text)
    return round(count)


def make_speech(args: argparse.Namespace) -> None:
    weights = args.weights.read_bytes()
    try:
        model = load_speech(args.kind, args.size, load_weights(BytesIO(weights)))
    except ValueError as error:
        raise UserError(f"{args.weights} does not hold the encoder: {error}") from error
    try:
        encoder = Speech(model, args.layers, args.window, args.hop, args.pool == "mean+deviation")
    except ValueError as error:
        raise UserError(str(error)) from error
    about = {
        "name": f"{args.kind} {args.size}, layers {','.join(map(str, args.layers))}, {args.pool}",
        "hop": f"{args.hop * STEP:g}",
        "width": f"{args.window * STEP:g}",
        "licence": args.licence,
        "source": f"{args.weights.name}, SHA-256 {hashlib.sha256(weights).hexdigest()}",
    }
    write_encoder(encoder, about, args.out)


def load_weights(file: BinaryIO) -> dict:
    """What a file of weights holds, by its names; nothing in it is run. Raises ValueError for any other file."""
    try:
        return dict(torch.load(file, map_location="cpu", weights_only=True))
    except (UnpicklingError, RuntimeError, EOFError, TypeError, ValueError, LookupError) as error:
        raise ValueError("its weights are damaged, or it holds more than weights") from error


if __name__ == "__main__":
    run_stage(main)
