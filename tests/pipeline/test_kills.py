"""Kills: pack, decode, tables and the end of train, killed at every change that they make to files, and run again."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl

from pipeline import decode, pack, tables, train
from pipeline.aside import PARTIAL
from pipeline.pack import CLIPS
from pipeline.split import SPLIT
from tests.conftest import GROUPS, encode, release_table, write_archive, write_release
from tests.pipeline.killing import bytes_under, forked, kill_at, killed_everywhere
from tests.project import ROOT, change

COUNT = 18


@pytest.fixture(scope="module")
def project(tmp_path_factory, mp3) -> Path:
    """Small settings, a release of a few clips and its manifest, three clips a shard; packed, decoded and split."""
    folder = tmp_path_factory.mktemp("project")
    clips = {f"common_voice_en_{number:04d}.mp3": mp3(0.6 + 0.1 * number, seed=number) for number in range(COUNT)}
    clips["common_voice_en_0004.mp3"] = encode(np.zeros(48000), 48000)
    release = write_release(folder / "data/raw/en", release_table(COUNT, 18), clips)
    write_archive(release, folder / "data/raw/corpus.tar.gz")
    shutil.copy(ROOT / "params.yaml", folder)
    change(
        folder,
        {
            "corpus": "data/raw/corpus.tar.gz",
            "pack": {"clips_per_shard": 5},
            "decode": {"max_rejects": 0.5},
            "train": {"max_epochs": 1, "frames": 40, "batch_size": 8},
            "architectures": {"cnn": {"channels": [4, 4, 4], "dropout": 0.1}},
            "compute": {"jobs": 1, "accelerator": "cpu"},
        },
    )
    rows = pd.read_csv(release, sep="\t", dtype="str", keep_default_na=False)
    keys = rows["path"].str.removesuffix(".mp3")
    about = rows[["path", "age", "gender", "accent", "locale"]].assign(key=keys, speaker=rows["client_id"])
    about.to_parquet(folder / "data/manifest.parquet")
    return folder


@pytest.fixture
def here(project, tmp_path, monkeypatch) -> Path:
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stage"])
    return tmp_path


def forget(*outputs: Path) -> None:
    for each in (PARTIAL, *outputs):
        shutil.rmtree(each, ignore_errors=True)


def write_split(store: Path) -> None:
    index = pd.read_parquet(store / "index.parquet")
    rows = index.merge(pd.read_parquet("data/manifest.parquet"), on="key")
    group = {age: group for group, ages in GROUPS.items() for age in ages}
    names = pd.Series(np.arange(len(rows)) // 6 % 3).map({0: "train", 1: "val", 2: "test"})
    rows.assign(
        group=pd.Categorical(rows["age"].map(group), list(GROUPS), ordered=True), split=pd.Categorical(names)
    ).to_parquet(SPLIT)


def test_tables(here):
    out = Path("data/tables")
    assert killed_everywhere(tables.main, here, lambda: bytes_under(out), lambda: forget(out)) > 5


def test_pack(here):
    assert killed_everywhere(pack.main, here, lambda: bytes_under(CLIPS), lambda: forget(CLIPS)) > 30
    assert len(pd.read_parquet(CLIPS / "index.parquet")) == COUNT


def test_decode_and_the_end_of_train(here, monkeypatch):
    assert forked(pack.main) == 0
    out = decode.LOGMEL
    assert killed_everywhere(decode.main, here, lambda: bytes_under(out), lambda: forget(out)) > 30
    write_split(out)
    fit, temperature_on = pl.Trainer.fit, train.temperature_on

    def learnt() -> None:
        """All epochs are done, and the run is killed before anything else."""
        forget(train.MODEL)
        monkeypatch.setattr(train, "temperature_on", lambda *_: kill_at(0, here))
        assert forked(train.main) != 0
        monkeypatch.setattr(train, "temperature_on", temperature_on)
        assert list(PARTIAL.glob("model-*/last.ckpt"))

    def made() -> dict[str, bytes]:
        assert train.EFFORT.is_file()
        return bytes_under(train.MODEL)

    learnt()
    shutil.copytree(PARTIAL, here / "learnt")

    def reset() -> None:
        forget(train.MODEL)
        train.EFFORT.unlink(missing_ok=True)
        shutil.copytree(here / "learnt", PARTIAL)

    def learns_nothing_twice(*arguments, **settings) -> None:
        assert train.MODEL.exists()  # else the epochs that are done must do
        fit(*arguments, **settings)

    monkeypatch.setattr(pl.Trainer, "fit", learns_nothing_twice)
    assert killed_everywhere(train.main, here, made, reset) > 10
    assert set(made()) == {"model.pth", "config.json", "history.csv"}
