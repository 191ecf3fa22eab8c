import dataclasses
import json
from pathlib import Path

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


def test_what_is_written_is_read(config, tmp_path):
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


def test_a_model_of_an_older_version_runs_and_is_not_judged(config, tmp_path):
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
def test_another_config_is_one_line_that_says_where(config, values, tmp_path):
    write_config(config, tmp_path)
    change(tmp_path, **values)
    with pytest.raises(
        ModelError, match=rf"^[^\n]*config\.json does not describe a model: {next(iter(values))}[^\n]*$"
    ):
        read_config(tmp_path)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b"null"], ids=str)
def test_what_is_no_config_is_one_line(data, tmp_path):
    (tmp_path / "config.json").write_bytes(data)
    with pytest.raises(ModelError, match=r"^[^\n]*config\.json does not describe a model: [^\n]+$"):
        read_config(tmp_path)


def test_a_file_is_no_folder_with_a_model(tmp_path):
    (tmp_path / "clip.mp3").touch()
    with pytest.raises(ModelError, match=r"clip\.mp3 holds no model"):
        read_config(tmp_path / "clip.mp3")
