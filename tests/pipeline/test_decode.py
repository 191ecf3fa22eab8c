"""Decode: every clip in index or rejects, whatever happens to workers (also decoder.py)."""

import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.front_ends.encoder import CPU
from features.index import write_index
from features.shard import read_shard
from features.store import Store
from pipeline import decode as decode_stage
from pipeline import filter, tables
from pipeline import pack as pack_stage
from pipeline.corpus.corpora import open_corpora
from pipeline.decode import all_rejects, check_rejects, decode
from pipeline.pack import merge_lists, pack
from pipeline.paths import CLIPS_INDEX
from pipeline.running.engine import WorkerDied, on_loky
from pipeline.stage import UserError
from tests.conftest import buzz, encode, write_release
from tests.features.front_ends.test_encoder import use_encoder
from tests.pipeline.dying import DiesOfClip4, StumblesOverClip4, deadly_try_clip, reading_by
from tests.project import change

here = partial(on_loky, jobs=1)
REJECTED = {"clip1": "empty", "clip3": "undecodable", "clip5": "silent", "clip7": "too_short", "absent": "missing"}


@pytest.fixture(scope="module")
def clips(mp3) -> dict[str, bytes]:
    clips = {f"clip{number}.mp3": mp3(1 + 0.1 * number, seed=number) for number in range(12)}
    clips["clip1.mp3"] = b""
    clips["clip3.mp3"] = np.random.default_rng(0).bytes(5000)
    clips["clip5.mp3"] = encode(np.zeros(48000), 48000)
    clips["clip7.mp3"] = encode(buzz(0.3, 48000, 0), 48000)
    clips["clip9.mp3"] = mp3(4)[:-12_000]
    return clips


@pytest.fixture(scope="module")
def manifest(clips) -> pd.DataFrame:
    keys = [name.removesuffix(".mp3") for name in clips] + ["absent"]
    about = {"age": "teens", "gender": "", "accent": "", "locale": "en", "speaker": "0" * 16}
    return pd.DataFrame({"key": keys}).assign(path=lambda rows: rows["key"] + ".mp3", **about).sort_values("key")


@pytest.fixture(scope="module")
def packed(tmp_path_factory, clips, manifest):
    folder = tmp_path_factory.mktemp("corpus")
    release = write_release(folder / "en", pd.DataFrame({"client_id": "a", "path": list(clips)}), clips)
    (folder / "clips").mkdir()
    pack(open_corpora(release)[0], dict(zip(manifest["path"], manifest["key"], strict=True)), folder / "clips", 4)
    merge_lists(folder / "clips")
    return folder / "clips"


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_one_and_two_workers_give_the_same_bytes(packed, manifest, front_end, tmp_path):
    for jobs in (1, 2):
        (tmp_path / str(jobs)).mkdir()
        listings = decode(packed, manifest, tmp_path / str(jobs), front_end, partial(on_loky, jobs=jobs))
        write_index(tmp_path / str(jobs), [row for each in listings for row in each["index"]], front_end)
    assert files(tmp_path / "1") == files(tmp_path / "2")
    assert len(Store(tmp_path / "1").shards) == 3


def test_every_clip_is_in_the_index_or_rejected_with_its_reason(packed, manifest, front_end, tmp_path):
    listings = decode(packed, manifest, tmp_path, front_end, here)
    rejects = all_rejects(manifest, pd.read_parquet(packed / CLIPS_INDEX.name)["key"], listings)
    assert dict(zip(rejects["key"], rejects["reason"], strict=True)) == REJECTED
    index = {row["key"]: row for each in listings for row in each["index"]}
    assert set(index) | set(REJECTED) == set(manifest["key"])
    assert {key for key, row in index.items() if row["flags"] == "truncated"} == {"clip9"}
    members = dict(read_shard(tmp_path / index["clip0"]["shard"]))
    assert b'"age": "teens"' in members["clip0.json"]


def test_too_many_rejects_fail_and_say_why(packed, manifest, front_end, tmp_path):
    listings = decode(packed, manifest, tmp_path, front_end, here)
    rejects = all_rejects(manifest, pd.read_parquet(packed / CLIPS_INDEX.name)["key"], listings)
    check_rejects(rejects, len(manifest), 0.5, tmp_path)
    with pytest.raises(UserError, match=r"4 of 13 clips rejected \(.*1 silent"):
        check_rejects(rejects, len(manifest), 0.05, tmp_path)


KILLED = """
import os, pickle, signal, sys
import features.decoding.decoder, pipeline.decode, pipeline.running.engine
from pathlib import Path

def killed_at_the_second(clips, logmels, *others):
    if logmels.name == "00001.tar":
        logmels.with_name(".00001.tar.0").write_bytes(b"begun")
        os.kill(os.getpid(), signal.SIGKILL)
    return features.decoding.decoder.decode_shard(clips, logmels, *others)

pipeline.decode.decode_shard = killed_at_the_second
packed, manifest, front_end = pickle.load(open(sys.argv[1], "rb"))
engine = lambda tasks: pipeline.running.engine.on_loky(tasks, 1)
pipeline.decode.decode(packed, manifest, Path(sys.argv[2]), front_end, engine)
"""


def test_a_killed_run_reuses_its_complete_shards(packed, manifest, front_end, tmp_path):
    import pickle

    (tmp_path / "job").write_bytes(pickle.dumps((packed, manifest, front_end)))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir(), killed.mkdir()
    command = [sys.executable, "-c", KILLED, str(tmp_path / "job"), str(killed)]
    run = subprocess.run(command, env=os.environ | {"PYTHONPATH": "."}, capture_output=True)
    assert run.returncode == -signal.SIGKILL, run.stderr.decode()
    assert not (killed / "00001.tar").exists()
    before = (killed / "00000.tar").stat().st_mtime_ns
    decode(packed, manifest, killed, front_end, here)
    decode(packed, manifest, whole, front_end, here)
    assert (killed / "00000.tar").stat().st_mtime_ns == before
    assert files(killed) == files(whole)


@pytest.mark.parametrize("name", ["00001.tar", "00001.json"])
@pytest.mark.parametrize("size", [0, 900])
def test_shards_torn_by_a_power_cut_are_decoded_again(packed, manifest, front_end, tmp_path, name, size):
    """A shard or its listing, renamed into place before its bytes were on the disk."""
    decode(packed, manifest, tmp_path, front_end, here)
    whole = files(tmp_path)
    os.truncate(tmp_path / name, size)
    decode(packed, manifest, tmp_path, front_end, here)
    assert files(tmp_path) == whole


@pytest.mark.parametrize("size", [0, 512, 5000])
def test_a_damaged_shard_of_clips_is_named(packed, manifest, front_end, tmp_path, size):
    shutil.copytree(packed, tmp_path / "clips")
    os.truncate(tmp_path / "clips/00001.tar", size)
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match=r"clips/00001\.tar is damaged"):
        decode(tmp_path / "clips", manifest, tmp_path / "out", front_end, partial(on_loky, jobs=2))


@pytest.mark.parametrize("jobs", [2, 1])
def test_a_crash_in_one_clip_costs_one_clip(packed, manifest, front_end, tmp_path, monkeypatch, jobs):
    monkeypatch.setattr("features.decoding.decoder.try_clip", deadly_try_clip)
    whole, crashed = tmp_path / "whole", tmp_path / "crashed"
    whole.mkdir(), crashed.mkdir()
    kept = manifest[manifest["key"] != "clip4"]
    if jobs == 1:  # then the first run died itself, in the shard that holds the clip
        (crashed / ".00001.tar.0").touch()
    engine = reading_by(DiesOfClip4, partial(on_loky, jobs=jobs))
    listings = decode(packed, manifest, crashed, front_end, engine)
    rejects = all_rejects(manifest, pd.read_parquet(packed / CLIPS_INDEX.name)["key"], listings)
    assert dict(zip(rejects["key"], rejects["reason"], strict=True)) == REJECTED | {"clip4": "crashed"}
    assert {row["key"] for each in listings for row in each["index"]} == set(kept["key"]) - set(REJECTED)
    decode(packed, manifest, whole, front_end, here)
    assert (whole / "00000.tar").read_bytes() == (crashed / "00000.tar").read_bytes()
    assert not list(crashed.glob(".*"))


def test_an_odd_exception_in_one_clip_costs_one_clip(packed, manifest, front_end, tmp_path):
    listings = decode(packed, manifest, tmp_path, front_end, reading_by(StumblesOverClip4, here))
    rejects = all_rejects(manifest, pd.read_parquet(packed / CLIPS_INDEX.name)["key"], listings)
    assert dict(zip(rejects["key"], rejects["reason"], strict=True)) == REJECTED | {"clip4": "undecodable"}
    assert "ZeroDivisionError" in rejects.set_index("key").loc["clip4", "detail"]


def test_shards_started_by_abandoned_workers_are_removed(packed, manifest, front_end, tmp_path):
    def begins_late(tasks):
        (tmp_path / ".00000.tar.0").touch()
        yield from here(tasks)

    decode(packed, manifest, tmp_path, front_end, begins_late)
    assert not list(tmp_path.glob(".*"))


def test_a_worker_that_dies_before_its_listing_is_in_place_leaves_nothing(
    packed, manifest, front_end, tmp_path, monkeypatch
):
    put, deaths = Path.replace, []

    def dies_at_the_first_listing(path, target):
        if Path(target).suffix == ".json" and not deaths:
            deaths.append(target)
            raise WorkerDied
        return put(path, target)

    monkeypatch.setattr(Path, "replace", dies_at_the_first_listing)
    decode(packed, manifest, tmp_path, front_end, here)
    assert deaths
    assert not list(tmp_path.glob(".*"))


def test_a_shard_that_kills_workers_without_a_culprit_is_named(packed, manifest, front_end, tmp_path):
    def always_dies(tasks):
        (tmp_path / ".00002.tar.0").touch()
        yield from ()
        raise WorkerDied

    with pytest.raises(UserError, match=r"workers keep dying on 00002\.tar, although each"):
        decode(packed, manifest, tmp_path, front_end, always_dies)


@pytest.mark.parametrize("accelerator", ["auto", "gpu"])
def test_an_encoder_runs_on_a_gpu_only_if_told_so(accelerator, small, monkeypatch):
    change(small, use_encoder(small) | {"compute": {"accelerator": accelerator}})
    for stage in (tables, filter, pack_stage):
        stage.main()
    told = []
    monkeypatch.setattr("features.front_ends.encoder.providers", lambda gpu, _: told.append(gpu) or [CPU])
    decode_stage.main()
    looking, *decoding = told  # the first is opened to see what its frames are
    assert not looking
    assert decoding == [accelerator == "gpu"] * 4  # shards
