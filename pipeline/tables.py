"""Tables: what does the release list? Copies its tables, unchanged, in one pass, and notes what the corpus is."""

import shutil
from pathlib import Path

from pipeline.corpus.archive import open_corpus
from pipeline.corpus.names import LONGEST_NAME, file_name
from pipeline.corpus.note import state_of, write_note
from pipeline.corpus.tar import Member
from pipeline.params import load_params
from pipeline.paths import TABLES
from pipeline.running.aside import build_aside
from pipeline.running.disk_space import check_room, gigabytes
from pipeline.stage import UserError, fingerprint, run_stage

LARGEST_TABLE = 2_000_000_000  # bytes; the largest of Common Voice, for English, have about 500 MB
COPIED = 2**20  # bytes copied at a time


def copy_tables(corpus: Path, folder: Path) -> list[str]:
    """Copy every table of the corpus into `folder`; returns their file names.

    Raises UserError, and leaves none behind, if two tables have the same name, if one is too large or has an impossible
    name, or if validated.tsv is missing.
    """
    paths = {}
    try:
        for name, content in open_corpus(corpus).tables():
            if name in paths:
                raise UserError(f"{corpus} holds more than one {name}: it must be a release of one language")
            check_table(corpus, name, content.size)
            paths[name] = folder / file_name(name)
            copy(content, paths[name])
        if "validated.tsv" not in paths:
            raise UserError(f"{corpus} holds no validated.tsv: it is not a Common Voice release")
    except BaseException:
        for path in paths.values():
            path.unlink(missing_ok=True)
        raise
    return list(paths)


def check_table(corpus: Path, name: str, size: int) -> None:
    """Raises UserError for a table that is too large, has an impossible name, or does not fit on the disk."""
    if not name.isprintable() or len(name.encode()) > LONGEST_NAME:
        raise UserError(f"{corpus} holds a table with an impossible name: {ascii(name)[:LONGEST_NAME]}")
    if size > LARGEST_TABLE:
        raise UserError(f"{corpus} holds a {name} of {gigabytes(size)}: the limit is {gigabytes(LARGEST_TABLE)}")
    check_room(f"{name} of {corpus}", size)


def copy(content: Member, path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(content, file, COPIED)


def main() -> None:
    corpus = open_corpus(Path(load_params().corpus)).path
    with build_aside(TABLES, fingerprint(state_of(corpus))) as partial:
        names = copy_tables(corpus, partial)
        write_note(corpus, partial)
    print(f"tables: {', '.join(names)}")


if __name__ == "__main__":
    run_stage(main)
