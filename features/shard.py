"""Shard: a tar of samples in WebDataset format, the same bytes whenever it is written.

A sample is all members that share a name up to the first dot. Plain USTAR, written with the standard library:
webdataset's own writer imports torch, which would triple the memory of each decoding worker.
"""

import io
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from uuid import uuid4

import numpy as np

from features.running.durable import sync

# Fields of a member's header.
NAME, SIZE, CHECKSUM = slice(0, 100), slice(124, 136), slice(148, 156)

TOO_LARGE = "too_large"  # in shards of clips, the suffix of an empty member in place of a clip that is too large

BLANK_HEADER = bytearray(tarfile.TarInfo().tobuf(tarfile.USTAR_FORMAT))
BLANK_HEADER[CHECKSUM] = b" " * 8  # the checksum is computed with spaces here


class ShardWriter:
    """Writes a shard to `path`, under a temporary name until it is closed without an error."""

    def __init__(self, path: Path):
        self.path = path
        self.temporary = path.with_name(f".{path.name}.{uuid4().hex}")  # a lost machine may still be writing it
        self.file = self.temporary.open("wb")
        self.size = 0

    def add(self, name: str, *parts: bytes | memoryview) -> int:
        """Append a member made of these bytes; returns the offset of its first byte in the shard."""
        size = sum(map(len, parts))
        begin = self.size + tarfile.BLOCKSIZE
        self.write(member_header(name, size), *parts, bytes(-size % tarfile.BLOCKSIZE))
        return begin

    def add_array(self, name: str, array: np.ndarray) -> int:
        """Append an array as NPY; returns the offset of its first element in the shard."""
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
        return self.add(name, header.getvalue(), array.data.cast("B")) + header.tell()

    def write(self, *parts: bytes | memoryview) -> None:
        self.file.writelines(parts)
        self.size += sum(map(len, parts))

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if not kind:
                self.write(bytes(closed_size(self.size) - self.size))
                self.file.close()
                sync(self.temporary)
                self.temporary.replace(self.path)
        finally:
            with suppress(OSError):  # closing may fail again, on what could not be written
                self.file.close()
            self.temporary.unlink(missing_ok=True)


def closed_size(end: int | np.ndarray) -> int | np.ndarray:
    """The size of a closed shard whose last member ends at `end`: zeros fill it up to a whole record."""
    blocks = -(-end // tarfile.BLOCKSIZE) + 2
    return -(-blocks * tarfile.BLOCKSIZE // tarfile.RECORDSIZE) * tarfile.RECORDSIZE


def read_shard(path: Path) -> Iterator[tuple[str, bytes]]:
    """The name and bytes of each member of a shard written here, in order. Raises OSError if the shard is cut short."""
    with path.open("rb") as file:

        def read(size: int) -> bytes:
            data = file.read(size)
            if len(data) < size:
                raise OSError(f"{path} is damaged: it has been cut short")
            return data

        while (header := read(tarfile.BLOCKSIZE)).strip(b"\0"):
            size = int(header[SIZE].rstrip(b"\0"), 8)
            yield header[NAME].rstrip(b"\0").decode(), read(size)
            read(-size % tarfile.BLOCKSIZE)


def member_size(size: int) -> int:
    """The bytes that a file of `size` bytes takes up in a shard."""
    return tarfile.BLOCKSIZE - -size // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE


def shard_size(sizes: Iterable[int]) -> int:
    """The size of a closed shard whose members have these sizes."""
    return closed_size(sum(map(member_size, sizes)))


def member_header(name: str, size: int) -> bytes:
    """The USTAR header of a regular file (POSIX.1-1988). The standard library takes five times as long.

    Raises ValueError for a name of more than 100 bytes.
    """
    encoded = name.encode()
    if len(encoded) > NAME.stop:
        raise ValueError(f"{name} is longer than {NAME.stop} bytes")
    header = bytearray(BLANK_HEADER)
    header[NAME] = encoded.ljust(NAME.stop, b"\0")
    header[SIZE] = b"%011o\0" % size
    header[CHECKSUM] = b"%06o\0 " % sum(header)
    return bytes(header)


def shard_name(number: int) -> str:
    return f"{number:05d}.tar"
