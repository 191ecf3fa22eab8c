"""Corpus: a release as one file, an archive read as a stream or the `validated.tsv` of a folder."""

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tqdm import tqdm

from pipeline.stage import UserError

LARGEST_CLIP = 32 * 2**20  # bytes; the longest clips of Common Voice have some 200 kB
STREAM_BLOCK = 2**20  # bytes read at a time


def open_corpus(path: Path) -> "Archive | Folder":
    """The corpus at `path`. Raises UserError if there is none."""
    if not path.is_file():
        raise UserError(f"corpus is {path}: there is no such file")
    return Folder(path) if path.suffix == ".tsv" else Archive(path)


class Archive:
    """A release as a tar, plain or compressed. Nothing in it is ever unpacked to a path that it names."""

    def __init__(self, path: Path):
        self.path = path

    def tables(self) -> Iterator[tuple[str, BinaryIO]]:
        """The file name and the content of each table."""
        for member, content in self.members("tables"):
            if member.suffix == ".tsv":
                yield member.name, content

    def clips(self, names: set[str]) -> Iterator[tuple[str, bytes]]:
        """The file name and the bytes of the clips among `names`, in the archive's order, each once."""
        wanted = set(names)
        for member, content in self.members("pack"):
            if member.parent.name == "clips" and member.name in wanted:
                wanted.remove(member.name)
                yield member.name, content.read(LARGEST_CLIP)

    def members(self, what: str) -> Iterator[tuple[PurePosixPath, BinaryIO]]:
        """Every regular file, in one pass. Raises UserError for a file that is no whole archive."""
        try:
            with (
                reading_bar(self.path, what) as file,
                tarfile.open(fileobj=file, mode="r|*", bufsize=STREAM_BLOCK) as tar,
            ):
                for member in tar:
                    tar.members.clear()  # else 2 million of them would be kept
                    if member.isreg():
                        yield PurePosixPath(member.name), tar.extractfile(member)
        except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            raise UserError(f"{self.path} is no whole archive: {error}") from error


class Folder:
    """An unpacked release: `validated.tsv` with the other tables and `clips/` beside it."""

    def __init__(self, path: Path):
        self.path = path

    def tables(self) -> Iterator[tuple[str, BinaryIO]]:
        """The file name and the content of each table."""
        for path in sorted(self.path.parent.glob("*.tsv")):
            with path.open("rb") as file:
                yield path.name, file

    def clips(self, names: set[str]) -> Iterator[tuple[str, bytes]]:
        """The file name and the bytes of the clips among `names` that are there, sorted by name."""
        for name in tqdm(sorted(names), "pack", unit=" clips"):
            path = self.path.parent / "clips" / name
            if path.is_file():
                with path.open("rb") as file:
                    yield name, file.read(LARGEST_CLIP)


@contextmanager
def reading_bar(path: Path, what: str) -> Iterator[BinaryIO]:
    """Yield `path` opened for reading, with a progress bar over its bytes."""
    with (
        path.open("rb") as file,
        tqdm.wrapattr(file, "read", total=path.stat().st_size, desc=what, unit_divisor=1024) as bar,
    ):
        yield bar
