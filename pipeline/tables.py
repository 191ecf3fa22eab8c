"""Tables: what does the release list? Copies its tables out of the corpus, untouched, in one read."""

import shutil
from pathlib import Path

from pipeline.aside import build_aside
from pipeline.corpus import open_corpus
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
    with build_aside(TABLES, fingerprint(str(corpus))) as partial:
        names = copy_tables(corpus, partial)
    print(f"tables: {', '.join(names)}")


if __name__ == "__main__":
    run_stage(main)
