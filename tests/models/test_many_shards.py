"""A store with more shards than a process may open files."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from features.index import write_index
from features.shard import ShardWriter, shard_name
from features.store import Store

SHARDS, LIMIT = 1500, 256

READ = f"""
import pickle, resource, sys
from pathlib import Path
import numpy as np
from models.learning.data import Windows
from models.judging.judge import judge
from tests.models.learning.test_training import learn

resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT}))
store, recipe = pickle.loads(Path(sys.argv[1]).read_bytes())
crops = store.crops(np.arange(len(store)), np.zeros(len(store), int), 30)
assert (crops[:, 0, 0] == np.arange(len(store))).all()
rows = {{"train": np.arange(0, len(store), 2), "val": np.arange(1, len(store), 2)}}
for workers in (0, 2):
    _, classifier = learn(store, recipe, Path(sys.argv[2]) / str(workers), rows, loader_workers=workers)
windows = Windows(store, np.arange(len(store)), np.arange(len(store)), 30, 64)
assert judge(classifier.model.eval(), windows, len(store)).shape == (len(store), 3)
"""


@pytest.fixture
def many(tmp_path, front_end) -> Store:
    """One clip per shard, whose values are its row."""
    rows = []
    for number in range(SHARDS):
        with ShardWriter(tmp_path / shard_name(number)) as shard:
            offset = shard.add_array(f"clip{number}.npy", np.full((30 + number % 40, 64), number, np.float16))
        place = {"key": f"clip{number}", "shard": shard_name(number), "offset": offset, "frames": 30 + number % 40}
        facts = {"seconds": 1.0, "sample_rate": 48000, "channels": 1, "loudness": -20.0, "flags": ""}
        rows.append(place | facts)
    write_index(tmp_path, rows, front_end)
    return Store(tmp_path)


def test_more_shards_than_open_files_are_cropped_learnt_from_and_judged(many, recipe, tmp_path):
    """With and without loader workers, which inherit open files."""
    (tmp_path / "job").write_bytes(pickle.dumps((many, replace(recipe, batch_size=64, max_epochs=1))))
    command = [sys.executable, "-c", READ, str(tmp_path / "job"), str(tmp_path / "out")]
    ran = subprocess.run(command, env=os.environ | {"PYTHONPATH": "."}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
