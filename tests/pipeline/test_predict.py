"""The predict command, as its users run it: in a folder with nothing but an exported model."""

import csv
import dataclasses
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models.config import Config
from models.exported import export
from models.learning.trained import fresh, save, write_config
from pipeline.paths import DVECTOR, MODEL, PRETRAINED
from pipeline.predict import model_here, models_here, open_predictor
from pipeline.reports.about import About, write_about
from pipeline.voices.synthetic import RATE, draw_voice, speak
from tests.conftest import buzz, encode

ROOT = Path(__file__).parents[2]
GROUPS = ["young", "middle", "old"]
ABOUT = About(
    corpus="a.tar",
    is_synthetic=True,
    leaks=False,
    clips=96,
    speakers=37,
    macro_recall=0.5,
    macro_recall_low=0.4,
    macro_recall_high=0.6,
    unsure=0.0,
)


@pytest.fixture(scope="module")
def config(front_end) -> Config:
    settings = {"channels": [4, 4, 4], "dropout": 0.0}
    return Config("cnn", settings, GROUPS, 60, front_end, [-7.0] * 64, [2.5] * 64, [20.0, 40.0, 70.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory, config) -> Path:
    """Where a user stands: `exported` and `trained` models, and some sounds."""
    folder = tmp_path_factory.mktemp("user")
    torch.manual_seed(0)
    model = fresh(config)
    for name in ("exported", "trained", "sounds", "sounds/deeper", "nothing"):
        (folder / name).mkdir()
    export(model, config, folder / "exported")
    write_about(ABOUT, folder / "exported")
    save(model, config, folder / "trained")
    for number, form in enumerate(("WAV", "FLAC", "OGG", "MP3")):
        sound = encode(buzz(2, 16000, number), 16000, form)
        (folder / f"sounds/{'deeper/' * (number % 2)}{number}.{form.lower()}").write_bytes(sound)
    (folder / "sounds/notes.txt").write_text("no sound")
    return folder


def predict(folder: Path, *arguments: str, locale: dict | None = None, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipeline.predict", "--model", "exported", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | (locale or {})
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, **options)


def lines(output: bytes) -> list[str]:
    return output.decode().splitlines()


def test_a_folder_is_walked_and_all_formats_are_read(folder):
    ran = predict(folder, "sounds")
    assert ran.returncode == 0
    assert lines(ran.stderr) == ["sounds: skipped notes.txt, whose names do not end like those of sound files"]
    header, *rows = lines(ran.stdout)
    assert header.split() == ["file", "group", "probability", "age", "80", "%", "range", "warnings"]
    files = ["sounds/0.wav", "sounds/2.ogg", "sounds/deeper/1.flac", "sounds/deeper/3.mp3"]
    assert [row.split()[0] for row in rows] == files
    assert all(row.split()[1] in [*GROUPS, "unsure"] for row in rows)


def test_json_csv_and_standard_input_say_the_same(folder):
    sound = (folder / "sounds/0.wav").read_bytes()
    by_json = json.loads(predict(folder, "--json", "sounds/0.wav").stdout)
    by_csv = next(csv.DictReader(io.StringIO(predict(folder, "--csv", "sounds/0.wav").stdout.decode())))
    by_pipe = json.loads(predict(folder, "--json", "-", input=sound).stdout)
    assert by_pipe == by_json | {"file": "-"}
    assert by_csv["group"] == by_json["group"]
    assert [by_csv["range_low"], by_csv["range_high"]] == by_json["range"]
    for group, probability in by_json["probabilities"].items():
        assert float(by_csv[group]) == probability
    assert sum(by_json["probabilities"].values()) == pytest.approx(1)


def test_onnx_and_torch_say_the_same(folder):
    by_onnx = json.loads(predict(folder, "--json", "sounds/0.wav").stdout)
    by_torch = json.loads(predict(folder, "--json", "--unsure", "0", "--model", "trained", "sounds/0.wav").stdout)
    assert by_torch["probabilities"] == pytest.approx(by_onnx["probabilities"], abs=1e-5)
    assert by_torch["group"] == by_onnx["group"]


def test_an_exported_model_needs_no_torch(folder):
    code = (
        "import sys; from pathlib import Path; from pipeline.predict import open_predictor;"
        "predictor = open_predictor(Path('exported'));"
        "predictor.judge([predictor.hear(Path('sounds/0.wav').read_bytes())]);"
        "sys.exit(bool({'torch', 'models.architectures', 'models.learning.trained'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment).returncode == 0


def test_more_clips_than_a_batch_come_in_order(folder):
    ran = predict(folder, "--json", *["sounds/0.wav", "sounds/2.ogg"] * 40)
    answers = [json.loads(line) for line in lines(ran.stdout)]
    assert [answer["file"] for answer in answers] == ["sounds/0.wav", "sounds/2.ogg"] * 40
    assert (
        answers[::2] == [answers[0]] * 40
        or max(abs(answer["probability"] - answers[0]["probability"]) for answer in answers[::2]) < 1e-5
    )


def write_bad_inputs(folder: Path) -> None:
    sound = buzz(2, 16000, 0)
    mp3 = encode(sound, 16000)
    (folder / "empty.wav").touch()
    (folder / "text.mp3").write_text("a line of text\n" * 100)
    (folder / "cut.mp3").write_bytes(mp3[: 2 * len(mp3) // 3])
    with soundfile.SoundFile(folder / "hours.flac", "w", 16000, 1) as file:
        for _ in range(120):
            file.write(np.zeros(60 * 16000))
    soundfile.write(folder / "one.wav", sound[:1], 16000)
    sound[1000] = np.nan
    soundfile.write(folder / "nan.wav", sound, 16000, subtype="FLOAT")
    soundfile.write(folder / "eight.wav", np.stack([buzz(2, 16000, 1)] * 8, axis=1), 16000)
    soundfile.write(folder / "fast.wav", buzz(2, 192000, 1), 192000)


def test_ten_bad_inputs_get_one_line_each_and_the_others_go_on(folder):
    write_bad_inputs(folder)
    ran = predict(
        folder,
        *("empty.wav", "text.mp3", "cut.mp3", "hours.flac", "one.wav", "nan.wav", "eight.wav", "fast.wav"),
        *("nothing", "missing.wav", "sounds/0.wav"),
    )
    assert ran.returncode == 1
    said = dict(line.split(": ", 1) for line in lines(ran.stderr))
    assert said == {
        "empty.wav": "it is empty",
        "text.mp3": said["text.mp3"],  # libsndfile may take text for an MPEG stream and find no frame in it
        "hours.flac": "it is too long (7200 s)",
        "one.wav": "it is too short (0.000 s of sound)",
        "nan.wav": "it cannot be read as sound (samples that are not valid numbers)",
        "nothing": said["nothing"],
        "missing.wav": "No such file or directory",
    }
    assert said["nothing"].startswith("no sound files in this folder (.3gp, ")
    assert said["text.mp3"].startswith("it cannot be read as sound")
    rows = {line.split()[0]: line for line in lines(ran.stdout)[1:]}
    assert list(rows) == ["cut.mp3", "eight.wav", "fast.wav", "sounds/0.wav"]
    assert rows["cut.mp3"].endswith("cut off before its end")


def test_an_endless_file_is_not_read_forever(folder):
    ran = predict(folder, "/dev/zero")
    assert (ran.returncode, lines(ran.stderr)) == (1, ["/dev/zero: it is too long (over 100 MB)"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "absent", "sounds"], "predict: absent holds no model: it has no config.json"),
        (["--model", "trained", "sounds"], "predict: there is no params.yaml here"),
        (["--unsure", "2", "sounds"], "2 is not a probability: it must be between 0 and 1"),
    ],
)
def test_a_mistake_is_one_line(folder, arguments, said):
    ran = predict(folder, *arguments)
    assert ran.returncode != 0
    assert said in lines(ran.stderr)[-1]
    assert b"Traceback" not in ran.stderr


def test_the_threshold_comes_from_the_export_or_the_flag(folder):
    sure = json.loads(predict(folder, "--json", "sounds/2.ogg").stdout)
    unsure = json.loads(predict(folder, "--json", "--unsure", "1", "sounds/2.ogg").stdout)
    assert unsure == sure | {"group": "unsure"}


ODD = os.fsdecode(b"caf\xe9 \x1b[2J\xc2\x9b.wav")  # Latin-1, as old archives unpack, and what steers a terminal
SHOWN = "caf\\udce9 \\x1b[2J\\x9b.wav"


@pytest.fixture
def odd(folder) -> Path:
    """Beside the models, a folder that holds a sound with an odd name and one with none of the sort."""
    for name in ("odd", "odd/empty.wav"):
        (folder / name).mkdir(exist_ok=True)
    sound = (folder / "sounds/0.wav").read_bytes()
    for name in (ODD, "plain.wav"):
        (folder / "odd" / name).write_bytes(sound)
    (folder / "odd" / f"{ODD}.mp3").write_bytes(b"")
    return folder


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
@pytest.mark.parametrize("locale", [{"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8:strict"}, {"LC_ALL": "C"}])
def test_any_name_is_shown_and_so_are_the_others(odd, form, locale):
    ran = predict(odd, *form, "odd", locale=locale)
    assert ran.returncode == 1
    assert lines(ran.stderr) == [f"odd/{SHOWN}.mp3: it is empty"]
    said = lines(ran.stdout)
    assert all(line.isprintable() for line in said)
    if form == ["--json"]:
        assert [json.loads(line)["file"] for line in said] == [f"odd/{ODD}", "odd/plain.wav"]
    else:
        names = [f"odd/{SHOWN}", "odd/plain.wav"]
        assert all(line.startswith(name) for line, name in zip(said[1:], names, strict=True))


def test_an_empty_name_is_not_the_current_folder(folder):
    ran = predict(folder, "", "sounds/0.wav")
    assert (ran.returncode, lines(ran.stderr)) == (1, ["'': No such file or directory"])
    assert len(lines(ran.stdout)) == 2


def test_a_reader_may_stop_at_any_line(folder):
    command = '"$PYTHON" -m pipeline.predict --model exported $(yes sounds/0.wav | head -200) | head -1'
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
    ran = subprocess.run(["/bin/bash", "-c", command], cwd=folder, env=environment, capture_output=True)
    assert ran.stderr == b""
    assert ran.stdout.startswith(b"file")


def put(folder: Path, config: Config, **facts: object) -> None:
    """Put into `folder` the config of a model, and what is known about it; nothing more is read in what follows."""
    folder.mkdir(parents=True)
    write_config(config, folder)
    write_about(dataclasses.replace(ABOUT, **facts), folder)


@pytest.mark.parametrize(
    ("trained", "pretrained", "offered"),
    [
        (None, False, [MODEL]),  # where there is none, it is this one that is said to be missing
        (None, True, [PRETRAINED]),
        ("synthetic", False, [MODEL]),
        ("synthetic", True, [PRETRAINED, MODEL]),
        ("people", True, [MODEL]),
        ("unknown", True, [MODEL]),
    ],
)
def test_the_models_that_are_asked_if_none_is_named(
    trained, pretrained, offered, config, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    MODEL.mkdir(parents=True)  # DVC may leave an empty folder
    if trained:
        MODEL.rmdir()
        put(MODEL, config, is_synthetic=trained == "synthetic")
    if trained == "unknown":
        (MODEL / "about.json").unlink()
    if pretrained:
        put(PRETRAINED, config, is_synthetic=False)
    assert models_here() == offered
    assert capsys.readouterr().err == ""
    assert model_here() == (MODEL if trained or not pretrained else PRETRAINED)
    line = "predict: no model was trained here, so data/pretrained answers\n"
    assert capsys.readouterr().err == (line if pretrained and not trained else "")


def test_without_a_model_of_its_own_predict_asks_the_pretrained_one(folder, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / PRETRAINED).symlink_to(folder / "exported")
    command = [sys.executable, "-m", "pipeline.predict", "--json", str(folder / "sounds/0.wav")]
    ran = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True)
    assert (ran.returncode, lines(ran.stderr)) == (
        0,
        ["predict: no model was trained here, so data/pretrained answers"],
    )
    assert json.loads(ran.stdout)["probabilities"].keys() == {*GROUPS}


@pytest.mark.skipif(not (PRETRAINED / "config.json").is_file(), reason="there is no pretrained model here")
@pytest.mark.skipif(not DVECTOR.is_file(), reason="there is no d-vector here: python -m pipeline.encoder dvector")
def test_the_pretrained_model_answers():
    random = np.random.default_rng(0)
    voice = 0.5 * speak(draw_voice(45, "male", random), 3.0, random)
    predictor = open_predictor(PRETRAINED)
    answer = predictor.judge([predictor.hear(encode(voice, RATE, "WAV"))])[0]
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.seconds == pytest.approx(3, abs=0.1)
    assert answer.warnings == []
