"""Prepared: a corpus read and decoded in a folder of its own, from where it was left."""

import pytest
import yaml

from features.store import Store
from pipeline.corpus.prepared import STAGES, changed, prepare
from pipeline.params import read_settings
from pipeline.paths import FEATURES, MANIFEST
from pipeline.stage import UserError


def modified(folder) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_what_is_finished_is_not_done_again(small, capfd):
    folder, settings = small / "work", read_settings()
    folder.mkdir()
    prepare(small / "data/raw/corpus.tar.gz", settings, folder, STAGES[:2])
    assert not (folder / FEATURES).exists()
    before = (folder / MANIFEST).stat().st_mtime_ns
    (small / "data/raw/corpus.tar.gz").rename(small / "moved.tar.gz")
    with pytest.raises(UserError, match=r"corpus\.tar\.gz could not be prepared: pack failed"):
        prepare(small / "data/raw/corpus.tar.gz", settings, folder)
    (small / "moved.tar.gz").rename(small / "data/raw/corpus.tar.gz")
    prepare(small / "data/raw/corpus.tar.gz", settings, folder)
    assert (folder / MANIFEST).stat().st_mtime_ns == before
    assert len(Store(folder / FEATURES)) == 23
    capfd.readouterr()
    made = modified(folder / "data")
    prepare(small / "data/raw/corpus.tar.gz", settings, folder)
    assert modified(folder / "data") == made
    assert capfd.readouterr().out == ""


def test_settings_are_read_as_the_stages_read_them(small):
    text = (small / "params.yaml").read_text(encoding="utf-8")
    (small / "params.yaml").write_text(text.replace("shortest: 0.5", "shortest: 5e-1"), encoding="utf-8")
    (small / "work").mkdir()
    prepare(small / "data/raw/corpus.tar.gz", read_settings(), small / "work", ["tables"])
    assert yaml.safe_load((small / "work/params.yaml").read_text(encoding="utf-8"))["sound"]["shortest"] == 0.5


def test_changes_are_made_section_by_section():
    settings = {"model": "cnn", "filter": {"balance": "undersample", "seed": 0}}
    assert changed(settings, {"model": "linear", "filter": {"balance": "keep"}}) == {
        "model": "linear",
        "filter": {"balance": "keep", "seed": 0},
    }
