"""Note: what `tables` writes down about the corpus, which later stages and the model pass on.

A corpus is an archive, or the `validated.tsv` of an unpacked release. DVC hashes only that one file; for the clips of
an unpacked release their number and total bytes are noted here, so that changes are noticed.
"""

import json
import os
from pathlib import Path
from typing import Any

from pipeline.corpus.names import name_of
from pipeline.paths import NOTE
from pipeline.running.output import read_json

SYNTHETIC = "synthetic"  # in the column `segment` of the demo; no release has it


def write_note(corpus: Path, tables: Path) -> None:
    """Write the note into `tables`, the folder with the tables of the corpus."""
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
    """True if some rows are the demo's, whatever the archive's name and place."""
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
    """The number of clips of an unpacked release, their bytes, and the bytes of each table; None for an archive."""
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
    """True unless clips or tables of an unpacked release were added, removed or resized since `tables` read it."""
    return read_json(NOTE, dict).get("contents") == contents_of(corpus)


def state_of(corpus: Path) -> list:
    """Facts that distinguish the corpus at a path from one that was there before."""
    state = corpus.stat()
    return [str(corpus), state.st_size, state.st_mtime_ns, contents_of(corpus)]
