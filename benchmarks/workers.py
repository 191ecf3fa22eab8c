"""How much faster do two processes decode than one?"""

import shutil
import tempfile
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.decode import sample
from benchmarks.timing import median_seconds, show
from pipeline.decode import decode
from pipeline.params import load_params
from pipeline.paths import CLIPS_INDEX, MANIFEST
from pipeline.running.engine import on_loky

SHARDS = 8  # of the same clips


def main() -> None:
    front_end, manifest = load_params().front_end(), pd.read_parquet(MANIFEST)
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder)
        clips = sample(packed)
        names = [f"{number:05d}.tar" for number in range(SHARDS)]
        for name in names[1:]:
            shutil.copy(packed / names[0], packed / name)
        index = pd.read_parquet(packed / CLIPS_INDEX.name)
        pd.concat([index.assign(shard=name) for name in names]).to_parquet(packed / CLIPS_INDEX.name)

        def run(jobs: int) -> None:
            out = Path(tempfile.mkdtemp(dir=packed))
            decode(packed, manifest, out, front_end, partial(on_loky, jobs=jobs))
            shutil.rmtree(out)

        taken = median_seconds({"one process": partial(run, 1), "two processes": partial(run, 2)}, rounds=5)
    count = SHARDS * len(clips)
    rows = [
        (name, f"{count / seconds:,.0f}", f"{taken['one process'] / seconds:.2f}") for name, seconds in taken.items()
    ]
    show(f"Decoding {count:,} clips in {SHARDS} shards", ("", "clips/s", "× one"), rows, "two cores")


if __name__ == "__main__":
    main()
