"""Note: what `tables` writes down about the corpus, for the stages and the model that come of it to carry.

A corpus is an archive, or the `validated.tsv` of an unpacked release. DVC hashes that one file; the clips of an
unpacked release are noted here by their number and their bytes, so that a change of them can be seen.
"""

import json
import os
from pathlib import Path
from typing import Any

from pipeline.corpus.names import name_of
from pipeline.paths import NOTE
from pipeline.running.output import read_json

SYNTHETIC = "synthetic"  # in the column `segment` of the demo's rows, and of no release's


def write_note(corpus: Path, tables: Path) -> None:
    """Write NOTE's file into `tables`, the folder with the tables that were read from the corpus."""
    paths = sorted(tables.glob("*.tsv"))
    said = {
        "name": name_of(corpus.absolute().parent.name if is_unpacked(corpus) else corpus.name),
        "is_synthetic": any(is_synthetic(path) for path in paths),
        "rows": {name_of(path.stem): count_rows(path) for path in paths},
    }
    note = {"corpus": said, "contents": contents_of(corpus)}
    (tables / NOTE.name).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")


def is_unpacked(corpus: Path) -> bool:
    return corpus.suffix == ".tsv"


def is_synthetic(table: Path) -> bool:
    """True if some rows are the demo's, whatever the archive is called and wherever it lies."""
    with table.open("rb") as lines:
        header = next(lines, b"").rstrip(b"\r\n").split(b"\t")
        if b"segment" not in header:
            return False
        column, word = header.index(b"segment"), SYNTHETIC.encode()
        return any(line.rstrip(b"\r\n").split(b"\t")[column:][:1] == [word] for line in lines if word in line)


def count_rows(table: Path) -> int:
    with table.open("rb") as lines:
        return max(0, sum(bool(line.strip()) for line in lines) - 1)


def contents_of(corpus: Path) -> dict[str, Any] | None:
    """How many clips an unpacked release has, their bytes, and those of each table; nothing for an archive."""
    if not is_unpacked(corpus):
        return None
    count = size = 0
    folder = corpus.parent / "clips"
    for entry in os.scandir(folder) if folder.is_dir() else ():
        if entry.is_file():
            count += 1
            size += entry.stat().st_size
    tables = {name_of(path.name): path.stat().st_size for path in sorted(corpus.parent.glob("*.tsv"))}
    return {"clips": count, "bytes": size, "tables": tables}


def is_as_noted(corpus: Path) -> bool:
    """True unless clips or tables of an unpacked release came, went or grew since `tables` read it."""
    return read_json(NOTE, dict).get("contents") == contents_of(corpus)


def state_of(corpus: Path) -> list:
    """What tells the corpus at a path from another that lay there before."""
    state = corpus.stat()
    return [str(corpus), state.st_size, state.st_mtime_ns, contents_of(corpus)]
