"""Decoding on a real Dask scheduler with two real workers, on loopback."""

import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client
from joblib import delayed

from pipeline.corpus.corpora import open_corpora
from pipeline.decode import decode
from pipeline.pack import merge_lists, pack
from pipeline.running.engine import WorkerDied, on_dask, on_loky
from pipeline.stage import UserError
from tests.conftest import write_release


@pytest.fixture(scope="module")
def scheduler():
    with cluster() as (address, _):
        yield address


@contextmanager
def cluster():
    """The address of a scheduler with two workers, and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    port = address.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port]
    with started([*command, "--no-dashboard"]) as process:
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
        with started(worker), started(worker):
            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(2, timeout=60)  # with one, joblib would work in this process
            yield address, process


@contextmanager
def started(command):
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def packed(tmp_path_factory, mp3):
    folder = tmp_path_factory.mktemp("corpus")
    clips = {f"clip{number:02d}.mp3": mp3(1 + 0.1 * number, seed=number) for number in range(24)}
    release = write_release(folder / "en", pd.DataFrame({"client_id": "a", "path": list(clips)}), clips)
    (folder / "clips").mkdir()
    pack(open_corpora(release)[0], {name: name.removesuffix(".mp3") for name in clips}, folder / "clips", 2)
    merge_lists(folder / "clips")
    return folder / "clips"


@pytest.fixture(scope="module")
def manifest(packed):
    keys = pd.read_parquet(packed / "index.parquet")["key"]
    about = {"age": "teens", "gender": "", "accent": "", "locale": "en", "speaker": "0" * 16}
    return pd.DataFrame({"key": keys}).assign(**about)


@pytest.fixture(scope="module")
def on_one_machine(packed, manifest, front_end, tmp_path_factory):
    folder = tmp_path_factory.mktemp("loky")
    decode(packed, manifest, folder, front_end, partial(on_loky, jobs=2))
    return bytes_in(folder)


def bytes_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_cluster_gives_the_same_bytes(packed, manifest, front_end, tmp_path, scheduler, on_one_machine):
    decode(packed, manifest, tmp_path, front_end, partial(on_dask, scheduler=scheduler))
    assert bytes_in(tmp_path) == on_one_machine


def test_a_worker_killed_at_work_loses_nothing(packed, manifest, front_end, tmp_path, scheduler, on_one_machine):
    killed = []

    def engine(tasks):
        for done in on_dask(tasks, scheduler):
            if not killed:
                with Client(scheduler, set_as_default=False) as client:
                    killed.extend(list(client.run(os.getpid).values())[:1])
                os.kill(killed[0], signal.SIGKILL)
            yield done

    decode(packed, manifest, tmp_path, front_end, engine)
    assert killed
    shards = {name: data for name, data in bytes_in(tmp_path).items() if not name.startswith(".")}
    assert shards == on_one_machine


def test_a_scheduler_that_dies_is_reported_in_one_line(monkeypatch, capfd):
    monkeypatch.setattr("pipeline.running.engine.ANSWER", "2s")
    with cluster() as (address, process):

        def tasks():
            yield delayed(signal.pause)()
            process.kill()
            yield delayed(signal.pause)()

        with pytest.raises(WorkerDied):
            list(on_dask(tasks(), address))
        with pytest.raises(UserError, match="no scheduler answers there"):  # so decode's next try
            list(on_dask([], address))
    assert "Traceback" not in capfd.readouterr().err


def test_no_worker_outlives_the_process_that_started_it():
    """Its only parent killed, without a chance to tell it."""
    code = (
        "import os; from joblib import Parallel, delayed; from pipeline.running.engine import here\n"
        "with here(2):\n"
        "    print(*Parallel()(delayed(os.getpid)() for _ in range(8)), flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        workers = set(map(int, parent.stdout.readline().split()))
        assert parent.wait() == -signal.SIGKILL
    assert workers
    for worker in workers:
        with suppress(ProcessLookupError):  # a PID's file descriptor becomes readable when its process ends
            assert select.select([os.pidfd_open(worker)], [], [], 15)[0], "a worker is still there"


def test_a_missing_scheduler_is_reported_in_one_line(monkeypatch):
    monkeypatch.setattr("pipeline.running.engine.ANSWER", "1s")
    with pytest.raises(UserError, match=r"compute\.scheduler is tcp://127\.0\.0\.1:9: no scheduler answers"):
        list(on_dask([], "tcp://127.0.0.1:9"))
