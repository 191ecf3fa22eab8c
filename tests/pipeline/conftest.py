"""A small project, in which stages are run in a process of the tests."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import encode, release_table, write_archive, write_release
from tests.project import ROOT, change

COUNT = 24  # clips


@pytest.fixture(scope="session")
def small_project(tmp_path_factory, mp3) -> Path:
    """An archive of a few clips, and small settings: one epoch, seven clips a shard, one process."""
    folder = tmp_path_factory.mktemp("project")
    clips = {f"common_voice_en_{number:04d}.mp3": mp3(0.6 + 0.05 * number, seed=number) for number in range(COUNT)}
    clips["common_voice_en_0004.mp3"] = encode(np.zeros(48000), 48000)
    release = write_release(folder / "data/raw/en", release_table(COUNT, COUNT), clips)
    write_archive(release, folder / "data/raw/corpus.tar.gz")
    shutil.copy(ROOT / "params.yaml", folder)
    change(
        folder,
        {
            "corpus": "data/raw/corpus.tar.gz",
            "pack": {"clips_per_shard": 7},
            "decode": {"max_rejects": 0.5},
            "split": {"folds": 3},
            "train": {"max_epochs": 1, "crop": 0.4, "batch_size": 8},
            "architectures": {"cnn": {"channels": [4, 4, 4], "dropout": 0.1}},
            "compute": {"jobs": 1, "accelerator": "cpu"},
        },
    )
    return folder


@pytest.fixture
def small(small_project, tmp_path, monkeypatch) -> Path:
    shutil.copytree(small_project, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stage"])
    return tmp_path
