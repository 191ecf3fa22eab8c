"""Note: what `tables` writes down about each corpus, which later stages and the model pass on.

DVC hashes archives and tables. For clips beside a table, their number and total bytes are noted here, so that changes
are noticed.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.corpus.archive import Archive
from pipeline.corpus.corpora import Corpus
from pipeline.corpus.licence import licence_in
from pipeline.corpus.names import name_of
from pipeline.corpus.noted import NOTE, PRESENT, SYNTHETIC, noted
from pipeline.running.output import read_json


def write_note(corpus: Corpus, tables: Path, clips: Sequence[str]) -> None:
    """Write the note, and the names of the clips that are there, into the folder with the tables of the corpus."""
    paths = sorted([*tables.glob("*.tsv"), *tables.glob("*.csv")])
    said = {
        "name": corpus.name,
        "is_synthetic": any(is_synthetic(path) for path in paths),
        "rows": {name_of(path.stem): count_rows(path) for path in paths},
        "licence": licence_in(corpus.name, corpus.readme),
    }
    note = {"corpus": said, "contents": contents_of(corpus)}
    (tables / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    pd.DataFrame({"path": pd.Series(clips, dtype="str")}).to_parquet(tables / PRESENT, index=False)


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


def contents_of(corpus: Corpus) -> dict[str, Any] | None:
    """The number of clips beside a table, their bytes, and the bytes of each table; None for an archive."""
    if isinstance(corpus, Archive):
        return None
    sizes = [path.stat().st_size for path in corpus.clip_paths()]
    return {"clips": len(sizes), "bytes": sum(sizes), "tables": {name: member.size for name, member in corpus.tables()}}


def are_as_noted(corpora: Sequence[Corpus]) -> bool:
    """True unless clips or tables beside a table were added, removed or resized since `tables` read them."""
    contents = [read_json(folder / NOTE, dict).get("contents") for folder in noted()]
    return contents == [contents_of(corpus) for corpus in corpora]


def state_of(corpora: Sequence[Corpus]) -> list:
    """Facts that distinguish the corpora from others that were at these paths before."""

    def state(corpus: Corpus) -> list:
        facts = corpus.path.stat()
        return [str(corpus.path), facts.st_size, facts.st_mtime_ns, contents_of(corpus)]

    return [state(corpus) for corpus in corpora]
