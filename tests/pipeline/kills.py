"""Kills: pack, decode, tables and the end of train, killed at every change that they make to files, and run again.

Run by test_forks.py.
"""

import shutil
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytorch_lightning as pl

from pipeline import decode, filter, pack, split, tables, train
from pipeline.paths import CLIPS, PARTIAL
from tests.pipeline.conftest import COUNT
from tests.pipeline.killing import bytes_under, forked, kill_at, killed_everywhere


def forget(*outputs: Path) -> None:
    for each in (PARTIAL, *outputs):
        shutil.rmtree(each, ignore_errors=True)


def run(*stages: ModuleType) -> None:
    for stage in stages:
        assert forked(stage.main) == 0


def test_tables(small):
    out = Path("data/tables")
    assert killed_everywhere(tables.main, small, lambda: bytes_under(out), lambda: forget(out)) > 5


def test_pack(small):
    run(tables, filter)
    assert killed_everywhere(pack.main, small, lambda: bytes_under(CLIPS), lambda: forget(CLIPS)) > 30
    assert len(pd.read_parquet(CLIPS / "index.parquet")) == COUNT


def test_decode_and_the_end_of_train(small, monkeypatch):
    run(tables, filter, pack)
    out = decode.FEATURES
    assert killed_everywhere(decode.main, small, lambda: bytes_under(out), lambda: forget(out)) > 30
    run(split)
    fit, judge_clips = pl.Trainer.fit, train.judge_clips

    def learnt() -> None:
        """All epochs are done, and the run is killed before anything else."""
        forget(train.MODEL)
        monkeypatch.setattr(train, "judge_clips", lambda *_: kill_at(0, small))
        assert forked(train.main) != 0
        monkeypatch.setattr(train, "judge_clips", judge_clips)
        assert list(PARTIAL.glob("model-*/last.ckpt"))

    def made() -> dict[str, bytes]:
        assert train.EFFORT.is_file()
        return bytes_under(train.MODEL)

    learnt()
    shutil.copytree(PARTIAL, small / "learnt")

    def reset() -> None:
        forget(train.MODEL)
        train.EFFORT.unlink(missing_ok=True)
        shutil.copytree(small / "learnt", PARTIAL)

    def learns_nothing_twice(*arguments, **settings) -> None:
        assert train.MODEL.exists()  # else the epochs that are done must do
        fit(*arguments, **settings)

    monkeypatch.setattr(pl.Trainer, "fit", learns_nothing_twice)
    assert killed_everywhere(train.main, small, made, reset) > 10
    assert set(made()) == {"model.pth", "config.json", "history.csv"}
