"""What does size cost? A store of 450,000 clips is opened; a pipeline of 900 shards is found up to date."""

import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.timing import median_seconds, show
from features.shard import closed_size
from features.store import INDEX_TYPES, Store, write_index
from pipeline.params import load_params

CLIPS, SHARDS, FRAMES = 450_000, 900, 450
ROOT = Path.cwd()


def write_store(folder: Path) -> None:
    """Shards that hold nothing but zeros, and take no place on disk."""
    front_end = load_params().features
    size, each = FRAMES * front_end.n_mels * 2, CLIPS // SHARDS
    number = np.arange(CLIPS)
    index = pd.DataFrame(dict.fromkeys(INDEX_TYPES, 0), index=number).assign(
        key=[f"common_voice_en_{10_000_000 + clip}" for clip in number],
        shard=[f"{clip // each:05d}.tar" for clip in number],
        offset=number % each * size,
        frames=FRAMES,
        flags="",
    )
    write_index(folder, index, front_end)
    for name in index["shard"].unique():
        with (folder / name).open("wb") as file:
            file.truncate(closed_size(each * size))


def open_store(folder: Path) -> tuple[float, float]:
    """Seconds, and MB of private memory, that the store takes."""
    before, start = private_bytes(), time.perf_counter()
    store = Store(folder)
    seconds = time.perf_counter() - start
    random = np.random.default_rng(0)
    for _ in range(20):  # touches every shard
        store.crops(random.integers(len(store), size=256), np.zeros(256, np.int64), 300)
    return seconds, (private_bytes() - before) / 1e6


def private_bytes() -> int:
    """What this process alone has written to; the mapped shards are the system's page cache."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_Dirty"))


def copy_project(folder: Path) -> None:
    """The project, set to a demo of as many shards as clips, and run once."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)  # noqa: S607
    for name in listed.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["demo"] |= {"clips": SHARDS, "speakers": 150}
    params["filter"] |= {"balance": "keep"}
    params["pack"] |= {"clips_per_shard": 1}
    params["train"] |= {"max_epochs": 1}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)  # noqa: S607
    dvc(folder, "repro")


def dvc(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_store(Path(folder))
        with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
            seconds, memory = fresh.submit(open_store, Path(folder)).result()
    show(
        f"A store of {CLIPS:,} clips in {SHARDS} shards", ("", "s", "MB"), [("open", f"{seconds:.2f}", f"{memory:.0f}")]
    )
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        copy_project(project)
        shards = len(list((project / "data/logmel").glob("*.tar")))
        ways = {"dvc --version": lambda: dvc(project, "--version"), "dvc repro": lambda: dvc(project, "repro")}
        taken = median_seconds(ways, rounds=5)
    rows = [(name, f"{each:.1f}") for name, each in taken.items()]
    show(f"Nothing to do, {shards:,} log-mel shards", ("", "s"), rows)


if __name__ == "__main__":
    main()
