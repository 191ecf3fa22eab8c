"""How much time and memory do filter and split take, on a table of the size of English 8.0's validated.tsv?"""

import os
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import pandas as pd
import yaml

from benchmarks.release import ROWS, SPEAKERS
from benchmarks.timing import one_core, show
from pipeline.corpus.archive import Archive
from pipeline.corpus.commonvoice import read_columns
from pipeline.corpus.note import write_note

PARAMS = Path("params.yaml").resolve()
CORPORA = 3
SUBSET = 450_000  # clips, about the size of a balanced subset of English


def run(module: str, *arguments: str) -> tuple[float, float]:
    """Seconds and peak memory in GB of a module run as DVC runs it, including its imports."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{module} failed")
    return time.perf_counter() - start, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def fake_decode(count: int) -> None:
    """A store's index for the first `count` clips of the manifest; the others are rejected."""
    keys = pd.read_parquet("data/manifest.parquet", columns=["key"])
    Path("data/features").mkdir()
    facts = {"seconds": 4.0, "frames": 350, "sample_rate": 48000, "loudness": -20.0}
    keys[:count].assign(**facts).to_parquet("data/features/index.parquet")
    keys[count:].assign(reason="missing").to_csv("data/features/rejects.csv", index=False)


def list_in(corpora: int, table: Path) -> None:
    """What `tables` leaves of as many corpora, each with an equal part of the rows."""
    with table.open("rb") as lines:
        header = next(lines)
        for number in range(corpora):
            folder = Path(f"data/tables/{number:03d}")
            folder.mkdir(parents=True)
            with (folder / "validated.tsv").open("wb") as part:
                part.write(header)
                part.writelines(islice(lines, -(-ROWS // corpora)))
            clips = read_columns(folder / "validated.tsv", ["path"])["path"]
            write_note(Archive(Path(f"made-up{number}.tar")), folder, clips)


def change(**settings: object) -> None:
    params = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    params["filter"] |= settings
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def main() -> None:
    one_core()
    os.environ["PYTHONPATH"] = str(PARAMS.parent)
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run("benchmarks.release", "validated.tsv")  # else its peak would count as a stage's
        list_in(CORPORA, Path("validated.tsv"))
        change()
        measured[f"filter, {ROWS:,} rows of {SPEAKERS:,} speakers in {CORPORA} corpora"] = run("pipeline.filter")
        change(balance="keep", clips_per_speaker=1000)
        run("pipeline.filter")
        fake_decode(SUBSET)
        clips = len(pd.read_parquet("data/features/index.parquet"))
        measured[f"split, {clips:,} clips"] = run("pipeline.split")
        os.chdir(PARAMS.parent)
    rows = [(what, f"{seconds:.1f}", f"{memory:.2f}") for what, (seconds, memory) in measured.items()]
    show("Filter and split, whole stages", ("", "s", "GB at most"), rows)


if __name__ == "__main__":
    main()
