"""Pretrained: a model of all clips of a made-up release."""

import hashlib
import json

import pytest

from models.config import read_config
from pipeline import pretrained
from pipeline.corpus.prepared import changed, prepare
from pipeline.params import read_settings
from pipeline.predict import open_predictor
from pipeline.stage import UserError
from tests.conftest import release_table, write_archive, write_release
from tests.project import ROOT

CLIPS = 54
SMALL = {
    "features": "logmel",
    "model": "linear",
    "filter": {"balance": "keep"},
    "split": {"folds": 3},
    "train": {"max_epochs": 1, "crop": 0.4, "batch_size": 8, "monitor": "epoch"},
    "compute": {"jobs": 1, "accelerator": "cpu"},
}


@pytest.fixture
def release(tmp_path, monkeypatch, mp3):
    """An archive of three languages, each with every group, in an empty project."""
    monkeypatch.chdir(tmp_path)
    table = release_table(CLIPS, CLIPS)
    table["locale"] = [("en", "ca", "fr")[number // 6 % 3] for number in range(CLIPS)]
    clips = {name: mp3(0.6 + 0.01 * number, seed=number) for number, name in enumerate(table["path"])}
    archive = write_archive(write_release(tmp_path / "release", table, clips), tmp_path / "corpus.tar.gz")
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return table, archive, clips


def test_it_learns_from_all_clips_and_keeps_none_of_them(release, tmp_path, monkeypatch):
    table, archive, clips = release
    monkeypatch.setattr(pretrained, "SETTINGS", SMALL)
    monkeypatch.setattr(pretrained, "DEALS", {"speaker": 2, "locale": 1})
    monkeypatch.setattr("sys.argv", ["pretrained", str(archive)])
    pretrained.main()
    made = tmp_path / "data/pretrained"
    assert {path.name for path in made.iterdir()} == {
        *("model.onnx", "config.json", "about.json", "speakers.bin", "README.md")
    }
    assert {path.name for path in (tmp_path / "data").iterdir()} == {".partial", "pretrained"}
    assert not list((tmp_path / "data/.partial").iterdir())
    about = json.loads((made / "about.json").read_text())
    assert (about["clips"], about["speakers"], about["leaks"]) == (CLIPS, CLIPS, False)
    card = (made / "README.md").read_text(encoding="utf-8")
    assert f"macro recall {about['macro_recall']:.3f}" in card
    hashed = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in table["client_id"]]
    assert (made / "speakers.bin").read_bytes() == b"".join(sorted(hashed))
    everything = b"".join(path.read_bytes() for path in made.iterdir())
    for column in ("client_id", "path", "sentence"):
        assert not [value for value in table[column] if value.encode() in everything]
    predictor = open_predictor(made)
    answer = predictor.judge([predictor.hear(clips["common_voice_en_0000.mp3"])])[0]
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert read_config(made).origin.split.by == "all clips"


def test_an_odd_corpus_is_one_line(release, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["pretrained", "nothing.tar.gz"])
    with pytest.raises(UserError, match=r"there is no nothing\.tar\.gz"):
        pretrained.main()
    (tmp_path / "work").mkdir()
    (tmp_path / "text.tar.gz").write_text("no archive")
    settings = changed(read_settings(), SMALL)
    with pytest.raises(UserError, match=r"text\.tar\.gz could not be prepared: tables failed"):
        prepare(tmp_path / "text.tar.gz", settings, tmp_path / "work")
