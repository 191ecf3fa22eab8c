"""Recordings: people's own, named by a table; `own` says what its columns are."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from features.running.progress import counted
from pipeline.corpus.archive import file_bytes, is_file, opened, readme_in, whole
from pipeline.corpus.delimited import fields_of, read_delimited
from pipeline.corpus.names import file_name, name_of
from pipeline.corpus.tar import Member


class OwnTable:
    """A table of recordings in the folder of the table. It may be named by a link to it."""

    def __init__(self, path: Path, name: str = ""):
        self.path, self.folder = path, path.resolve().parent
        self.name = name or name_of(self.folder.name if path.stem == "clips" else path.stem)

    @cached_property
    def readme(self) -> str:
        return readme_in(self.folder)

    @cached_property
    def listed(self) -> list[str]:
        """The paths in the table that stay in its folder, each once."""
        fields, _ = read_delimited(self.path, ["path"], fields_of(self.path))
        return [path for path in fields["path"].unique() if is_inside(path)] if "path" in fields else []

    def place(self, path: str) -> Path:
        return self.folder / file_name(path)

    def clip_paths(self) -> Iterator[Path]:
        return (place for path in self.listed if is_file(place := self.place(path)))

    def tables(self, clips: list[str] | None = None) -> Iterator[tuple[str, Member]]:
        """The file name and the content of the table; `clips` gets the paths of the recordings that are there."""
        with opened(self.path) as file:
            yield f"clips{self.path.suffix}", whole(file)
        if clips is not None:
            clips += [path for path in self.listed if is_file(self.place(path))]

    def clips(self, paths: set[str]) -> Iterator[tuple[str, bytes | None]]:
        """The path and the bytes of the recordings among `paths` that are there, sorted by path.

        The bytes are None for a recording larger than LARGEST_CLIP.
        """
        for path in counted(sorted(paths), "pack", len(paths), "clips"):
            if is_inside(path) and is_file(place := self.place(path)):
                yield path, file_bytes(place)

    def any_clips(self) -> Iterator[bytes]:
        """Recordings as they come, except those larger than LARGEST_CLIP."""
        return (data for data in map(file_bytes, self.clip_paths()) if data is not None)


def is_inside(path: str) -> bool:
    """True for a path that leads down from where it starts: a table must not choose any file that is read."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and path.isprintable()
