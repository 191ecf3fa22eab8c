"""Encoder: fetches a pretrained voice encoder and writes it as an ONNX file, which `decode` runs."""

import argparse
import hashlib
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from tempfile import TemporaryDirectory

import torch

from models.encoders import dvector
from models.encoders.exported import write_encoder
from pipeline.stage import UserError, run_stage

ENCODERS = Path("data/encoders")
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
    add_dvector(encoders.add_parser("dvector", help="what tells speakers apart (GE2E): 256 values every 0.8 s"))
    return parser.parse_args()


def add_dvector(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=ENCODERS / "dvector.onnx", help="default: %(default)s")
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
            pretrained = torch.load(BytesIO(files.read(WEIGHTS)), map_location="cpu", weights_only=True)
        return dict(pretrained["model_state"])
    except (zipfile.BadZipFile, KeyError, TypeError, RuntimeError, EOFError, UnpicklingError) as error:
        raise ValueError(f"{WEIGHTS} is missing or damaged") from error


if __name__ == "__main__":
    run_stage(main)
