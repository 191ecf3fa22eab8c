"""A model's encoder is made where it can be had, in one line; nothing else is fetched."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.attacks.tiny import GROUPS, YEARS
from features.front_end import FrontEnd, Reading
from models.config import Config
from pipeline.paths import DVECTOR
from pipeline.stage import UserError
from pipeline.voices.encoders import make_encoder

ROOT = Path(__file__).parents[3]
READING = Reading(16000, trim=40, shortest=0.5, longest=60)
NO_NETWORK = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_RETRIES": "0",
}


def hears_by(name: str = "dvector", file: str = str(DVECTOR)) -> FrontEnd:
    return FrontEnd(name, READING, {"file": file, "sha256": "0" * 64}, 256, 0.8)


@pytest.fixture
def ran(tmp_path, monkeypatch) -> list[list[str]]:
    """The commands that are run, in a folder with nothing in it; each makes the file that it is told to make."""
    lines = []

    def run(line: list[str], **_: object) -> subprocess.CompletedProcess:
        lines.append(line)
        Path(line[-1]).parent.mkdir(parents=True)
        Path(line[-1]).touch()
        return subprocess.CompletedProcess(line, 0, "", "")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["predict.py"])
    return lines


def test_a_d_vector_is_made_once_and_a_line_says_so(ran, capsys):
    for _ in range(2):
        make_encoder(hears_by(), Path("model"))
    assert ran == [[sys.executable, "-m", "pipeline.encoder", "dvector", "--out", str(DVECTOR)]]
    said = capsys.readouterr()
    assert said.err == "predict: making data/encoders/dvector/dvector.onnx, once: pip downloads its weights (16 MB)\n"
    assert said.out == ""


@pytest.mark.parametrize(
    "front_end",
    [
        hears_by("encoder", "data/encoders/encoder/encoder.onnx"),
        hears_by("encoder"),
        hears_by(file="data/encoders/mine/mine.onnx"),
        hears_by(file="../outside/dvector.onnx"),
        FrontEnd("logmel", READING, {}, 64, 0.01),
    ],
    ids=["encoder", "name", "mine", "outside", "logmel"],
)
def test_no_other_encoder_is_made(front_end, ran):
    make_encoder(front_end, Path("model"))
    assert not ran


def test_an_encoder_beside_the_model_is_enough(ran):
    Path("model").mkdir()
    Path("model/encoder.onnx").touch()
    make_encoder(hears_by(), Path("model"))
    assert not ran


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("Warning\nencoder: pip cannot download it\n", "pip cannot download it"),
        ("encoder: python has no torch", "python has no torch"),
        ("", "it ends with 1"),
    ],
)
def test_a_command_that_fails_is_one_line(printed, said, ran, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda line, **_: subprocess.CompletedProcess(line, 1, "", printed))
    with pytest.raises(UserError) as error:
        make_encoder(hears_by(), Path("model"))
    assert str(error.value) == (
        f"python -m pipeline.encoder dvector, which needs a network and torch, cannot make {DVECTOR}: {said}"
    )


def test_without_a_network_predict_ends_with_two_lines(tmp_path):
    config = Config("linear", {"deviation": True}, GROUPS, 5, hears_by(), [0.0] * 256, [1.0] * 256, YEARS)
    (tmp_path / "config.json").write_text(json.dumps(asdict(config)), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.predict", "--model", ".", "-"],
        cwd=tmp_path,
        env=os.environ | NO_NETWORK | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    making, failed = ended.stderr.splitlines()
    assert making.startswith(f"predict: making {DVECTOR}, once: ")
    assert failed.startswith(
        "predict: python -m pipeline.encoder dvector, which needs a network and torch, cannot make"
    )
    assert failed.endswith("; --wheel takes a copy of Resemblyzer-0.1.4-py3-none-any.whl")
