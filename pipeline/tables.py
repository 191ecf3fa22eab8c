"""Tables: what does the corpus list? Copies its tables, unchanged, in one pass, and notes what is there."""

import shutil
from pathlib import Path

from pipeline.corpus.corpora import Corpus, open_corpora
from pipeline.corpus.forms import OWN, SPONTANEOUS, form_of
from pipeline.corpus.names import LONGEST_NAME, file_name
from pipeline.corpus.note import state_of, write_note
from pipeline.corpus.tar import Member
from pipeline.params import load_params
from pipeline.paths import TABLES
from pipeline.running.aside import build_aside
from pipeline.running.disk_space import check_room, gigabytes
from pipeline.running.terminal import printable, some
from pipeline.stage import UserError, fingerprint, run_stage

LARGEST_TABLE = 2_000_000_000  # bytes; the largest of Common Voice, for English, have about 500 MB
COPIED = 2**20  # bytes copied at a time


def copy_tables(corpus: Corpus, folder: Path) -> list[str]:
    """Copy every table of the corpus into `folder`; returns the names of the clips on the way.

    Raises UserError, and leaves none behind, if two tables have the same name, if one is too large or has an impossible
    name, or if none lists clips.
    """
    paths, clips = {}, []
    try:
        for name, content in corpus.tables(clips):
            if name in paths:
                raise UserError(f"{corpus.path} holds more than one {name}: it must be a release of one language")
            check_table(corpus.path, name, content.size)
            paths[name] = folder / file_name(name)
            copy(content, paths[name])
        if "validated.tsv" not in paths and not {SPONTANEOUS, OWN} & set(map(form_of, paths.values())):
            holds = some(map(printable, paths)) or f"no tables, and {len(clips):,} clips"
            raise UserError(f"{corpus.path} holds no table of clips such as validated.tsv: it holds {holds}")
    except BaseException:
        for path in paths.values():
            path.unlink(missing_ok=True)
        raise
    return clips


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
    corpora = open_corpora(Path(load_params().corpus))
    with build_aside(TABLES, fingerprint(state_of(corpora))) as partial:
        for number, corpus in enumerate(corpora):
            folder = partial / f"{number:03d}"
            folder.mkdir()
            clips = copy_tables(corpus, folder)
            write_note(corpus, folder, clips)
            names = sorted(path.name for path in folder.iterdir() if path.suffix in (".tsv", ".csv"))
            print(f"tables: {printable(corpus.name)}: {printable(', '.join(names))}; {len(clips):,} clips")


if __name__ == "__main__":
    run_stage(main)
