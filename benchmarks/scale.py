"""What does size cost? Opens, trains on and tests a store of 450,000 clips; finds 900 shards up to date."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks.evaluate import made_up_split
from benchmarks.timing import median_seconds, show
from features.index import INDEX_TYPES, write_index
from features.shard import closed_size
from features.store import Store
from models.learning.data import CropSampler
from pipeline import evaluate, train
from pipeline.params import load_params
from pipeline.paths import FEATURES, SPLIT, SPLIT_REPORT
from pipeline.splits.certificate import contents
from pipeline.stage import fingerprint

CLIPS, SHARDS, FRAMES = 450_000, 900, 450
BATCHES = 300  # of an epoch, which are still drawn from all clips
SMALL = {"channels": [4, 4, 4], "dropout": 0.1}  # a network's memory does not grow with the clips
ROOT = Path.cwd()


def write_store(folder: Path) -> None:
    """Shards of nothing but zeros, which take no space on disk."""
    front_end = load_params().front_end()
    size, each = FRAMES * front_end.values * 2, CLIPS // SHARDS
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
    """Seconds, and MB of anonymous memory, that the store takes."""
    before, start = anonymous_bytes(), time.perf_counter()
    store = Store(folder)
    seconds = time.perf_counter() - start
    random = np.random.default_rng(0)
    for _ in range(20):  # touches every shard
        store.crops(random.integers(len(store), size=256), np.zeros(256, np.int64), 300)
    return seconds, (anonymous_bytes() - before) / 1e6


def write_project(folder: Path) -> None:
    """The files that train and evaluate read, without running the stages before them."""
    (folder / FEATURES).mkdir(parents=True)
    write_store(folder / FEATURES)
    split = made_up_split(np.random.default_rng(0)).astype({"split": "category"}).assign(left_out="")
    split.to_parquet(folder / SPLIT, index=False)
    parts = {name: contents(split[split["split"] == name]) for name in split["split"].cat.categories}
    corpus = {"name": "made up", "is_synthetic": True, "rows": {}}
    groups = {group: [group] for group in split["group"].cat.categories}
    account = {
        "corpus": corpus,
        "by": "speaker",
        "seed": 0,
        "groups": groups,
        "fingerprint": fingerprint(folder / SPLIT),
    }
    text = json.dumps(account | {"claims": {}, "splits": parts})
    (folder / SPLIT_REPORT).write_text(text, encoding="utf-8")
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params |= {"model": "cnn", "architectures": params["architectures"] | {"cnn": SMALL}}
    params["train"] |= {"max_epochs": 1}
    params["filter"] |= {"balance": "keep"}  # draws evenly, which costs more
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def run_in(folder: Path, stage: str) -> tuple[float, float, float]:
    """MB of anonymous memory after the imports, the peak beyond that while the stage runs, and seconds."""
    os.chdir(folder)
    sys.argv = [stage]
    draw = CropSampler.__iter__
    CropSampler.__iter__ = lambda sampler: islice(draw(sampler), BATCHES)
    CropSampler.__len__ = lambda sampler: BATCHES
    before, start, most, is_over = anonymous_bytes(), time.perf_counter(), [0], Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            most[0] = max(most[0], anonymous_bytes() - before)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        {"train": train, "evaluate": evaluate}[stage].main()
    finally:
        is_over.set()
        watcher.join()
    return before / 1e6, most[0] / 1e6, time.perf_counter() - start


def anonymous_bytes() -> int:
    """Memory of this process that is not backed by a file, so without the system's page cache."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def copy_project(folder: Path) -> None:
    """Copy the project, set it to a demo with one clip per shard, and run it once."""
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


def in_new_process(function: Callable, *arguments: Any) -> Any:
    """The function's result, from a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        return fresh.submit(function, *arguments).result()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        write_project(project)
        seconds, memory = in_new_process(open_store, project / FEATURES)
        took = {stage: in_new_process(run_in, project, stage) for stage in ("train", "evaluate")}
    size = f"{CLIPS:,} clips in {SHARDS} shards"
    show(f"A store of {size}", ("", "s", "MB"), [("open", f"{seconds:.2f}", f"{memory:.0f}")])
    title = f"Anonymous memory at {size}; a small network, {BATCHES} batches instead of a whole epoch"
    rows = [(stage, *(f"{each:,.0f}" for each in values)) for stage, values in took.items()]
    show(title, ("", "MB after imports", "peak MB beyond", "s"), rows, "all cores")
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        copy_project(project)
        shards = len(list((project / "data/features").glob("*.tar")))
        ways = {"dvc --version": lambda: dvc(project, "--version"), "dvc repro": lambda: dvc(project, "repro")}
        taken = median_seconds(ways, rounds=5)
    rows = [(name, f"{each:.1f}") for name, each in taken.items()]
    show(f"Nothing to do, {shards:,} log-mel shards", ("", "s"), rows)


if __name__ == "__main__":
    main()
