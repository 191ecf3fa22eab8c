"""Corpora: what `corpus` in params.yaml names: one release or table, or a folder of several, read in name order."""

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.corpus.archive import CLIP_FOLDERS, Archive, Folder, is_file, is_visible
from pipeline.corpus.forms import OWN, form_of
from pipeline.corpus.names import file_name, name_of
from pipeline.corpus.recordings import OwnTable
from pipeline.running.terminal import some
from pipeline.stage import UserError

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
TABLES = (".tsv", ".csv")

Corpus = Archive | Folder | OwnTable


def open_corpora(path: Path) -> list[Corpus]:
    """The corpora at `path`, in name order, each with a name of its own. Raises UserError if there is none."""
    path = Path(file_name(str(path)))
    if path.is_dir():
        return corpora_in(path)
    if not is_file(path):
        hint = "only a shell expands ~: write the full path, or put a link under data/raw/"
        raise UserError(f"corpus is {path}: {hint if str(path).startswith('~') else 'there is no such file'}")
    return [opened_as(path)]


def opened_as(path: Path, name: str = "") -> Corpus:
    if path.suffix not in TABLES:
        return Archive(path, name)
    return OwnTable(path, name) if form_of(path) == OWN else Folder(path, name)


def corpora_in(folder: Path) -> list[Corpus]:
    """Every archive, own table and unpacked release in a folder and the folders in it."""
    paths = sorted(files_in(folder))
    chosen = [path for path in paths if path.name.endswith((*ARCHIVES, *TABLES))]
    if not chosen:
        held = some([str(path.relative_to(folder)) for path in paths]) if paths else "nothing"
        raise UserError(f"corpus is {folder}, a folder without a release or a table: it holds {held}")
    names = [name_in(folder, path) for path in chosen]
    return [
        opened_as(path, name if names.count(name) == 1 else name_of(str(path.relative_to(folder))))
        for path, name in zip(chosen, names, strict=True)
    ]


def name_in(folder: Path, path: Path) -> str:
    """What a corpus in a folder is called: as its archive, as its folder, or as the link to its table."""
    place = path.relative_to(folder)
    if path.suffix not in TABLES:
        return name_of(str(place))
    is_plain = path.stem in ("validated", "clips") and place.parent != Path()
    return name_of(str(place.parent if is_plain else place.with_suffix("")))


def files_in(folder: Path) -> Iterator[Path]:
    """The visible files of a folder and the folders in it, however deep.

    Raises UserError for what DVC could not follow or would have to hash clip by clip.
    """
    for above, folders, files in os.walk(folder):
        here = Path(above)
        folders[:] = [name for name in folders if is_visible(Path(name))]
        for name in [*folders, *files]:
            path = here / name
            if path.is_symlink() and not path.exists():
                raise UserError(f"{path} is a link to something that is not there")
            if path.is_symlink() and path.is_dir():
                raise UserError(
                    f"{path} is a link to a folder, which DVC does not follow: link the table in it instead"
                )
        if "validated.tsv" in files and any(name in CLIP_FOLDERS for name in folders):
            remedy = (
                "name the validated.tsv in it"
                if here == folder
                else f"move it away from {folder}, and link its validated.tsv"
            )
            raise UserError(f"{here} is an unpacked release, of which DVC would hash every clip: {remedy}")
        yield from (here / name for name in files if is_visible(Path(name)) and is_file(here / name))
