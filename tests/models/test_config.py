"""Config: what config.json may say (also mistake.py, origin.py, section.py)."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from models.config import Config, ModelError, read_config, read_origin
from models.learning.trained import write_config
from models.origin import CorpusFacts, Origin, SplitFacts


@pytest.fixture
def config(front_end, recipe) -> Config:
    corpus = CorpusFacts("corpus.tar.gz", False, {"validated": 240, "test": 24})
    split = SplitFacts("speaker", 7, {"young": ["teens"], "old": ["sixties", "seventies"]}, "0123456789abcdef", 10, 3)
    origin = Origin(corpus, split, recipe)
    settings = {"channels": [4, 4, 4], "dropout": 0.1}
    return Config("cnn", settings, ["young", "old"], 60, front_end, [-7.0] * 64, [2.5] * 64, [20.0, 70.0], 0.7, origin)


def test_a_written_config_is_read_back(config, tmp_path):
    write_config(config, tmp_path)
    assert read_config(tmp_path) == config
    assert read_origin(tmp_path) == config.origin


def test_a_split_that_is_given_has_no_fold(config, tmp_path):
    split = dataclasses.replace(config.origin.split, by="official", folds=None, fold=None)
    given = dataclasses.replace(config, origin=dataclasses.replace(config.origin, split=split))
    write_config(given, tmp_path)
    assert read_config(tmp_path) == given


def change(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def test_a_model_of_an_older_version_runs_but_is_not_judged(config, tmp_path):
    write_config(config, tmp_path)
    values = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    del values["origin"]
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    assert read_config(tmp_path).groups == ["young", "old"]
    with pytest.raises(ModelError, match=r"config\.json does not say what the model was trained on: train it again$"):
        read_origin(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {"groups": 5},
        {"mean": ["a"]},
        {"front_end": {"sample_rate": 16000}},
        {"origin": {"corpus": {"name": "a.tar"}}},
        {"origin": 1},
        {"unheard_of": 1},
    ],
    ids=str,
)
def test_a_wrong_config_is_one_line_that_says_where(config, values, tmp_path):
    write_config(config, tmp_path)
    change(tmp_path, **values)
    with pytest.raises(
        ModelError, match=rf"^[^\n]*config\.json does not describe a model: {next(iter(values))}[^\n]*$"
    ):
        read_config(tmp_path)


def test_an_error_says_what_is_allowed(config, tmp_path):
    front_end = dataclasses.asdict(config.front_end)

    def sound(**values: float) -> dict:
        return {"front_end": front_end | {"sound": front_end["sound"] | values}}

    def settings(**values: float) -> dict:
        return {"front_end": front_end | {"settings": front_end["settings"] | values}}

    for values, said in [
        ({"temperature": -1}, "temperature is -1: it should be greater than or equal to 0.001"),
        ({"temperature": 0}, "temperature is 0: it should be"),
        ({"temperature": float("nan")}, "temperature is nan: it should be a finite number"),
        ({"temperature": float("inf")}, "temperature is inf: it should be a finite number"),
        ({"groups": "young"}, "groups is 'young': it should be a valid array"),
        ({"groups": ["young"]}, "groups: List should have at least 2 items"),
        ({"groups": ["young", ""]}, "groups.1: String should have at least 1 character"),
        ({"groups": ["young", "young"]}, "groups: young is listed more than once"),
        ({"groups": ["a", "b", "c"]}, "years has 2 numbers for 3 groups"),
        ({"years": [20]}, "years has 1 numbers for 2 groups"),
        ({"years": [20, float("-inf")]}, "years.1 is -inf: it should be a finite number"),
        ({"frames": 0}, "frames is 0: it should be greater than or equal to 1"),
        ({"frames": 10**9}, "frames is 1000000000: it should be less than or equal to 10000"),
        ({"frames": True}, "frames is True: it should be a valid integer"),
        ({"mean": [0.0] * 63}, "mean has 63 numbers for 64 values"),
        ({"mean": [1e300] * 64}, "mean.0 is 1e+300: it should be less than or equal to 1000"),
        ({"deviation": [0.0] * 64}, "deviation.0 is 0.0: it should be greater than 0"),
        ({"settings": []}, "settings is []: it should be an object"),
        ({"a\nb": 1}, "a b is unknown"),
        ({"front_end": front_end | {"hop": 0}}, "front_end.hop is 0: it should be greater than 0"),
        ({"front_end": front_end | {"name": "mfcc"}}, "front_end: mfcc is not a front-end: allowed are logmel"),
        (sound(trim=float("inf")), "front_end.sound.trim is inf: it should be a finite number"),
        (sound(longest=1e9), "front_end.sound.longest is 1000000000.0: it should be less than"),
        (sound(shortest=61), "front_end.sound: shortest is 61.0 s: "),
        (settings(hop=0), "front_end: logmel.hop is 0: it should be greater than or equal to 0.001"),
        (settings(f_max=9000), "front_end: logmel.f_min and f_max are 20.0 and 9000.0 Hz"),
        (settings(window=0.001), "front_end: logmel.n_mels is 64: a window of 0.001 s"),
        (settings(bands=3), "front_end: logmel.bands is unknown"),
    ]:
        write_config(config, tmp_path)
        change(tmp_path, **values)
        with pytest.raises(ModelError) as error:
            read_config(tmp_path)
        assert f"config.json does not describe a model: {said}" in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 10_000,
        b" " * 6_000_001,
        "ä".encode("latin-1"),
    ],
    ids=lambda data: str(data[:10]),
)
def test_a_file_that_is_not_a_config_is_one_line(data, tmp_path):
    (tmp_path / "config.json").write_bytes(data)
    with pytest.raises(ModelError, match=r"^[^\n]*config\.json does not describe a model: [^\n]+$"):
        read_config(tmp_path)


def test_an_encoder_may_have_very_many_values(config, tmp_path):
    settings = {"file": "encoder.onnx", "sha256": "0" * 64}
    front_end = dataclasses.replace(config.front_end, name="encoder", settings=settings, values=100_000)
    numbers = np.random.default_rng(0).uniform(0.1, 1, 100_000).astype(np.float32).tolist()
    wide = dataclasses.replace(config, front_end=front_end, mean=numbers, deviation=numbers)
    write_config(wide, tmp_path)
    assert read_config(tmp_path) == wide


def test_a_file_is_not_a_folder_with_a_model(tmp_path):
    (tmp_path / "clip.mp3").touch()
    with pytest.raises(ModelError, match=r"clip\.mp3 holds no model"):
        read_config(tmp_path / "clip.mp3")
