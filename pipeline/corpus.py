"""Corpus: a release as one file, an archive read as a stream or the `validated.tsv` of a folder."""

import bz2
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from isal import igzip

from features.progress import BYTES, Bar, counted, progress
from pipeline.stage import UserError

LARGEST_CLIP = 32 * 2**20  # bytes; the longest clips of Common Voice have some 200 kB
STREAM_BLOCK = 2**16  # bytes read at a time; tarfile copies what is left of a block at each read: 1 MiB is half as fast


def open_corpus(path: Path) -> "Archive | Folder":
    """The corpus at `path`. Raises UserError if there is none."""
    if path.is_dir():
        raise UserError(f"corpus is {path}, a folder: name the archive, or the validated.tsv in it")
    if not path.is_file():
        hint = "only a shell knows ~: write the whole path, or put a link under data/raw/"
        raise UserError(f"corpus is {path}: {hint if str(path).startswith('~') else 'there is no such file'}")
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

    def any_clips(self) -> Iterator[bytes]:
        """Clips, chosen or not, as they come."""
        for member, content in self.members("clips"):
            if member.parent.name == "clips":
                yield content.read(LARGEST_CLIP)

    def members(self, what: str) -> Iterator[tuple[PurePosixPath, BinaryIO]]:
        """Every regular file, in one pass. Raises UserError for a file that is no whole archive."""
        try:
            with self.path.open("rb") as file, reading_bar(file, what) as bar, decompressed(file) as stream:
                ending = Ending(stream)
                with tarfile.open(fileobj=ending, mode="r|", bufsize=STREAM_BLOCK) as tar:
                    for member in tar:
                        tar.members.clear()  # else 2 million of them would be kept
                        bar.update(file.tell() - bar.n)
                        if member.isreg():
                            yield PurePosixPath(member.name), tar.extractfile(member)
                ending.check()
        except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            raise UserError(f"{self.path} is no whole archive: {error}") from error


class Ending:
    """Reads a tar stream, and knows whether it came to its end: tarfile takes a cut at a header for the end."""

    def __init__(self, stream: BinaryIO):
        self.stream, self.last = stream, b""

    def read(self, size: int) -> bytes:
        block = self.stream.read(size)
        self.last = block or self.last
        return block

    def check(self) -> None:
        """Raises EOFError unless the stream ended in the zeros that close a tar."""
        while self.read(STREAM_BLOCK):
            pass
        if self.last[-tarfile.BLOCKSIZE :].strip(b"\0") or not self.last:
            raise EOFError("it ends before its end")


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
        for name in counted(sorted(names), "pack", len(names), "clips"):
            path = self.path.parent / "clips" / name
            if path.is_file():
                with path.open("rb") as file:
                    yield name, file.read(LARGEST_CLIP)

    def any_clips(self) -> Iterator[bytes]:
        """Clips, chosen or not, as they come."""
        for path in self.path.parent.glob("clips/*"):
            with path.open("rb") as file:
                yield file.read(LARGEST_CLIP)


def decompressed(file: BinaryIO) -> BinaryIO:
    """The tar in a plain, gzip, bzip2 or xz file, told apart by their first bytes."""
    start = file.read(6)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return igzip.open(file)
    if start.startswith(b"BZh"):
        return bz2.open(file)
    return lzma.open(file) if start.startswith(b"\xfd7zXZ") else file


def reading_bar(file: BinaryIO, what: str) -> Bar:
    """Progress over the bytes of an open file."""
    return progress(what, os.fstat(file.fileno()).st_size, BYTES)
