"""Archive: a release in one file, an archive read as a stream, or the `validated.tsv` of a folder."""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO

from features.running.progress import BYTES, Bar, counted, progress
from pipeline.corpus.compressed import decompressed
from pipeline.corpus.licence import LONGEST_README, is_readme
from pipeline.corpus.names import file_name, name_of
from pipeline.corpus.tar import ByteStream, Member, members
from pipeline.stage import UserError

LARGEST_CLIP = 32 * 2**20  # bytes; the longest clips of Common Voice have about 200 kB
CLIP_FOLDERS = ("clips", "validated_clips", "audios")  # of releases, of some partial copies, of spontaneous speech


class Archive:
    """A release as a tar, plain or compressed. Nothing in it is ever unpacked to a path that it names."""

    def __init__(self, path: Path, name: str = ""):
        self.path, self.name = path, name or name_of(path.name)
        self.readme = ""  # known once its tables have been read

    def tables(self, clips: list[str] | None = None) -> Iterator[tuple[str, Member]]:
        """The file name and the content of each table; `clips` gets the file names of the clips on the way."""
        for member in self.members("tables"):
            if member.path.suffix == ".tsv" and is_visible(member.path):
                yield member.path.name, member
            elif is_readme(member.path.name) and not self.readme:
                self.readme = text_of(member)
            elif clips is not None and is_clip(member.path):
                clips.append(member.path.name)

    def clips(self, names: set[str]) -> Iterator[tuple[str, bytes | None]]:
        """The file name and the bytes of the clips among `names`, in the archive's order, each once.

        The bytes are None for a clip larger than LARGEST_CLIP.
        """
        wanted = set(names)
        for member in self.members("pack"):
            if is_clip(member.path) and member.path.name in wanted:
                wanted.remove(member.path.name)
                yield member.path.name, clip_bytes(member)

    def any_clips(self) -> Iterator[bytes]:
        """Clips, chosen or not, as they come, except those larger than LARGEST_CLIP."""
        for member in self.members("clips"):
            if is_clip(member.path) and (data := clip_bytes(member)) is not None:
                yield data

    def members(self, what: str) -> Iterator[Member]:
        """Every regular file, in one pass. Raises UserError for a file that is not a complete archive."""
        complaint = f"{self.path} is not a complete archive"
        with opened(self.path) as file, reading_bar(file, what) as bar, decompressed(file) as content:
            for member in members(ByteStream(content, complaint)):
                bar.update(file.tell() - bar.n)
                yield member


class Folder:
    """An unpacked release: a table with the other tables and the folder of clips beside it. It may be named by a link
    to the table.
    """

    def __init__(self, path: Path, name: str = ""):
        beside = path.absolute().parent
        is_here = any((beside / folder).is_dir() for folder in CLIP_FOLDERS) or not path.is_symlink()
        self.path, self.folder = path, beside if is_here else path.resolve().parent
        self.name = name or name_of(self.folder.name)

    @cached_property
    def readme(self) -> str:
        return readme_in(self.folder)

    def tables(self, clips: list[str] | None = None) -> Iterator[tuple[str, Member]]:
        """The file name and the content of each table; `clips` gets the file names of the clips."""
        for path in sorted(self.folder.glob("*.tsv")):
            if is_visible(path) and is_file(path):
                with opened(path) as file:
                    yield name_of(path.name), whole(file)
        if clips is not None:
            clips += sorted(name_of(path.name) for path in self.clip_paths())

    def clip_paths(self) -> Iterator[Path]:
        for folder in CLIP_FOLDERS:
            yield from (path for path in self.folder.glob(f"{folder}/*") if is_clip(path) and is_file(path))

    def clips(self, names: set[str]) -> Iterator[tuple[str, bytes | None]]:
        """The file name and the bytes of the clips among `names` that are there, sorted by name.

        The bytes are None for a clip larger than LARGEST_CLIP.
        """
        for name in counted(sorted(names), "pack", len(names), "clips"):
            if path := next((path for path in self.places(name) if is_file(path)), None):
                yield name, file_bytes(path)

    def places(self, name: str) -> Iterator[Path]:
        return (self.folder / folder / file_name(name) for folder in CLIP_FOLDERS)

    def any_clips(self) -> Iterator[bytes]:
        """Clips, chosen or not, as they come, except those larger than LARGEST_CLIP."""
        return (data for data in map(file_bytes, self.clip_paths()) if data is not None)


def text_of(readme: Member) -> str:
    return readme.read(LONGEST_README).decode("utf-8", "replace")


def readme_in(folder: Path) -> str:
    """The text of the README in a folder; empty if there is none."""
    for path in sorted(folder.glob("[Rr][Ee][Aa][Dd][Mm][Ee]*")):
        if is_file(path):
            with opened(path) as file:
                return text_of(whole(file))
    return ""


def is_visible(path: PurePath) -> bool:
    """False for hidden files beside clips and tables, such as the `._NAME` that macOS puts beside each file."""
    return not path.name.startswith(".")


def is_clip(path: PurePath) -> bool:
    return path.parent.name in CLIP_FOLDERS and is_visible(path)


def is_file(path: Path) -> bool:
    """True for what can be read as a file: not for a folder, a pipe or an impossible name."""
    try:
        return path.is_file()
    except OSError:
        return False


def clip_bytes(clip: Member) -> bytes | None:
    """The bytes of a clip; None if it is larger than LARGEST_CLIP."""
    return clip.read() if clip.size <= LARGEST_CLIP else None


def file_bytes(path: Path) -> bytes | None:
    """The bytes of a clip in a file; None if it is larger than LARGEST_CLIP."""
    with opened(path) as file:
        return clip_bytes(whole(file))


def opened(path: Path) -> BinaryIO:
    """Open a file. Raises UserError if it may not be read."""
    try:
        return path.open("rb")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def whole(file: BinaryIO) -> Member:
    """A file in a folder, as if it were in an archive."""
    size = os.fstat(file.fileno()).st_size
    return Member(PurePosixPath(file.name), size, ByteStream(file, f"{file.name} cannot be read to its end"))


def reading_bar(file: BinaryIO, what: str) -> Bar:
    """Progress over the bytes of an open file."""
    return progress(what, os.fstat(file.fileno()).st_size, BYTES)
