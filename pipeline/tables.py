"""Tables: what does the release list? Copies its tables, untouched, in one read, and notes what the corpus is."""

import shutil
from pathlib import Path

from pipeline.aside import build_aside
from pipeline.corpus import open_corpus
from pipeline.note import state_of, write_note
from pipeline.params import load_params
from pipeline.stage import UserError, fingerprint, run_stage

TABLES = Path("data/tables")


def copy_tables(corpus: Path, folder: Path) -> list[str]:
    """Copy every table of the corpus into `folder`; returns their file names.

    Raises UserError if two tables have one name, or none is there.
    """
    names = []
    for name, content in open_corpus(corpus).tables():
        if name in names:
            raise UserError(f"{corpus} holds more than one {name}: a release of one language is asked for")
        names.append(name)
        with (folder / name).open("wb") as file:
            shutil.copyfileobj(content, file)
    if "validated.tsv" not in names:
        raise UserError(f"{corpus} holds no validated.tsv: it is no release of Common Voice")
    return names


def main() -> None:
    corpus = Path(load_params().corpus)
    open_corpus(corpus)  # first of all, whether it is there
    with build_aside(TABLES, fingerprint(state_of(corpus))) as partial:
        names = copy_tables(corpus, partial)
        write_note(corpus, partial)
    print(f"tables: {', '.join(names)}")


if __name__ == "__main__":
    run_stage(main)
