"""Durable: files that appear whole or not at all, even if a process is killed, a disk is full, or the power fails."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path, temporary: Path | None = None) -> Iterator[Path]:
    """Yield a temporary name beside `path`, which is renamed to `path` if the block succeeds.

    The name is the same in every run, so the next run overwrites what a killed one left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary or path.with_name(f".{path.name}.partial")
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Return once a file's contents are on disk: a rename can get there before them."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
