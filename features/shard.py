"""Shard: a tar of samples in the form of WebDataset, the same bytes whenever it is written.

A sample is the members that share a name up to the first dot. Plain USTAR, written with the standard library:
webdataset's own writer imports torch, which would triple what each decoding worker needs.
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np


class ShardWriter:
    """Writes a shard to `path`, under a temporary name until it is closed without an error."""

    def __init__(self, path: Path):
        self.path = path
        self.temporary = path.with_name(f".{path.name}")
        self.tar = tarfile.open(self.temporary, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 - closed in __exit__

    def add(self, name: str, data: bytes) -> int:
        """Append a member; returns the offset of its first byte in the shard."""
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self.tar.addfile(member, io.BytesIO(data))
        return self.tar.offset - -(-len(data) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE

    def add_array(self, name: str, array: np.ndarray) -> int:
        """Append an array as NPY; returns the offset of its first element in the shard."""
        file = io.BytesIO()
        np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        data = file.getvalue()
        return self.add(name, data) + len(data) - array.nbytes

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.tar.close()
        if kind:
            self.temporary.unlink()
        else:
            self.temporary.replace(self.path)


def read_shard(path: Path) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each member, in order."""
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            yield member.name, tar.extractfile(member).read()


def shard_name(number: int) -> str:
    return f"{number:05d}.tar"
