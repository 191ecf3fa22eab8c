"""How long does pack take, compared with tar reading the same archive into /dev/null?"""

import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.timing import median_seconds, needs, one_core, show
from pipeline.corpus.corpora import open_corpora
from pipeline.pack import merge_lists, pack
from pipeline.params import load_params
from pipeline.paths import MANIFEST


def by_tar(archive: Path) -> None:
    subprocess.run(["tar", "-xzOf", archive], stdout=subprocess.DEVNULL, check=True)  # noqa: S603, S607


def stage(archive: Path, keys: dict[str, str], clips_per_shard: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pack(open_corpora(archive)[0], keys, Path(folder), clips_per_shard)
        merge_lists(Path(folder))


def main() -> None:
    one_core()
    params = load_params()
    archive = needs(Path(params.corpus))
    if archive.suffix != ".gz":
        sys.exit(f"pack: {archive} is not a .tar.gz")
    keys = dict(pd.read_parquet(needs(MANIFEST), columns=["path", "key"]).itertuples(index=False))
    ways = {
        "tar -xzO": lambda: by_tar(archive),
        "reading alone": lambda: list(open_corpora(archive)[0].clips(set())),
        "pack stage": lambda: stage(archive, keys, params.pack.clips_per_shard),
    }
    taken = median_seconds(ways, rounds=7)
    size = archive.stat().st_size / 1e6
    rows = [(name, f"{size / seconds:.0f}", f"{seconds / taken['tar -xzO']:.2f}") for name, seconds in taken.items()]
    show(f"Reading {archive.name}, {size:.0f} MB, {len(keys)} clips chosen", ("", "MB/s", "× the time of tar"), rows)


if __name__ == "__main__":
    main()
