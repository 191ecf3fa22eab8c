"""Store: crops and clips by their row, from whole shards (also index.py)."""

import json
import os
import pickle

import numpy as np
import pandas as pd
import pytest

from features.index import write_index
from features.shard import ShardWriter, shard_name
from features.store import Store, StoreError

LENGTHS = (5, 30, 12, 40, 21, 8)


@pytest.fixture
def clips():
    random = np.random.default_rng(0)
    return {f"clip{n}": random.standard_normal((length, 64)).astype(np.float16) for n, length in enumerate(LENGTHS)}


@pytest.fixture
def store(tmp_path, clips, front_end):
    rows = []
    for number in range(2):
        with ShardWriter(tmp_path / shard_name(number)) as shard:
            for key in list(clips)[number::2]:
                place = {"offset": shard.add_array(f"{key}.npy", clips[key]), "frames": len(clips[key])}
                about = {"seconds": 1.0, "sample_rate": 48000, "channels": 1, "loudness": -20.0, "flags": ""}
                rows.append({"key": key, "shard": shard_name(number)} | place | about)
    write_index(tmp_path, rows, front_end)
    return Store(tmp_path)


def test_serves_each_clip_whole(store, clips):
    for row, key in enumerate(store.index["key"]):
        np.testing.assert_array_equal(store.clip(row), clips[key])


def test_crops_are_slices_and_short_clips_start_over(store, clips):
    rows = np.array([0, 1, 2, 3, 4, 5, 3])
    starts = np.array([0, 1, 0, 20, 3, 0, 30])
    crops = store.crops(rows, starts, 10)
    assert crops.shape == (7, 10, 64)
    assert crops.dtype == np.float16
    for crop, row, start in zip(crops, rows, starts, strict=True):
        clip = clips[store.index["key"][row]]
        np.testing.assert_array_equal(crop, clip[(start + np.arange(10)) % len(clip)])


def test_rows_follow_keys(store):
    keys = pd.Series(["clip3", "clip0"])
    assert list(store.index["key"].iloc[store.rows_of(keys)]) == ["clip3", "clip0"]
    with pytest.raises(StoreError, match="lacks 1 of 2 clips: clip9"):
        store.rows_of(pd.Series(["clip1", "clip9"]))


def test_travels_to_another_process(store):
    store.clip(0)
    again = pickle.loads(pickle.dumps(store))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(again.clip(3), store.clip(3))


def test_a_missing_shard_is_named(store, tmp_path):
    (tmp_path / "00001.tar").unlink()
    with pytest.raises(StoreError, match=r"lacks 1 of 2 shards: 00001\.tar"):
        Store(tmp_path)


@pytest.mark.parametrize("change", [-20480, -10240, -1, 1, 10240])
def test_a_shard_of_another_size_is_named(store, tmp_path, change):
    size = (tmp_path / "00001.tar").stat().st_size
    os.truncate(tmp_path / "00001.tar", max(0, size + change))
    with pytest.raises(StoreError, match=r"the size of 1 of 2 shards does not match the index: 00001\.tar$"):
        Store(tmp_path)


@pytest.mark.parametrize("name", ["index.parquet", "features.json"])
@pytest.mark.parametrize("size", [0, 40])
def test_a_damaged_file_beside_the_shards_is_named_in_one_line(store, tmp_path, name, size):
    os.truncate(tmp_path / name, size)
    with pytest.raises(StoreError, match=rf"{name} cannot be read: \w") as error:
        Store(tmp_path)
    assert "\n" not in str(error.value)


def test_a_shard_that_is_cut_while_the_store_is_open_is_named(store, tmp_path):
    os.truncate(tmp_path / "00000.tar", 1024)
    with pytest.raises(StoreError, match=r"00000\.tar is too short"):
        store.clip(0)
    with pytest.raises(StoreError, match=r"00000\.tar is too short"):
        store.crops(np.array([0]), np.array([0]), 4)


def test_a_folder_that_is_not_a_store_is_named(store, tmp_path):
    (tmp_path / "features.json").unlink()
    with pytest.raises(StoreError, match=r"no features\.json"):
        Store(tmp_path)
    (tmp_path / "index.parquet").unlink()
    with pytest.raises(StoreError, match=r"no index\.parquet"):
        Store(tmp_path)


def test_opening_and_cropping_imports_no_torch(tmp_path, store):
    import subprocess
    import sys

    code = (
        "import sys, numpy as np; from pathlib import Path;"
        "import features.decoding.decoder; from features.store import Store;"
        f"Store(Path({str(tmp_path)!r})).crops(np.array([0]), np.array([0]), 4); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_store_made_when_log_mel_was_the_only_front_end_is_read(store, front_end):
    flat = {"sample_rate": 16000, "n_mels": 64, "window": 0.025, "hop": 0.01, "f_min": 20.0, "f_max": 7600.0}
    flat |= {"trim": 40.0, "shortest": 0.5, "longest": 60.0}
    (store.folder / "features.json").write_text(json.dumps(flat), encoding="utf-8")
    assert Store(store.folder).front_end == front_end
