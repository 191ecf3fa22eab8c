"""Tar: the files in a tar stream, one after the other, even if the headers lie.

tarfile reads as far as a header says (2^62 bytes in an archive of 79), recurses for every long name, and takes a
damaged header for the end. So it only parses single headers here.
"""

import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO

from pipeline.corpus.compressed import DAMAGED
from pipeline.stage import UserError

SKIPPED_AT_ONCE = 2**18  # bytes read at a time when skipping
LONGEST_RECORDS = 2**20  # bytes of a long name, or of a PAX header

LONG_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
BEFORE_A_FILE = (*LONG_NAMES, *PAX, tarfile.XGLTYPE)


class ByteStream:
    """Bytes that must be there: any failure to read them is a UserError that begins with `complaint`."""

    def __init__(self, file: BinaryIO, complaint: str):
        self.file, self.complaint = file, complaint

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        data = self.try_read(size)
        if len(data) < size:
            raise self.broken("it ends too early")
        return data

    def skip(self, size: int) -> None:
        while size > 0:
            size -= len(self.read(min(size, SKIPPED_AT_ONCE)))

    def finish(self) -> None:
        """Read what is left: only then does a compressed file show whether it is complete."""
        while self.try_read(SKIPPED_AT_ONCE):
            pass

    def try_read(self, size: int) -> bytes:
        try:
            return self.file.read(size)
        except DAMAGED as error:
            raise self.broken(error) from error

    def broken(self, why: object) -> UserError:
        return UserError(f"{self.complaint}: {why}")


class Member:
    """A file in a stream: its path there, its size in bytes, and how many of them are left to read."""

    def __init__(self, path: PurePosixPath, size: int, stream: ByteStream):
        self.path, self.size, self.left, self.stream = path, size, size, stream

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, or all that are left. Raises UserError if the stream is broken."""
        if size < 0:
            return b"".join(iter(partial(self.read, SKIPPED_AT_ONCE), b""))
        size = min(size, self.left)
        self.left -= size
        return self.stream.read(size)


def members(stream: ByteStream) -> Iterator[Member]:
    """The regular files of a tar, each to be read before the next. Raises UserError unless the tar is complete."""
    records = {}
    try:
        while (block := stream.read(tarfile.BLOCKSIZE)).strip(b"\0"):
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            if header.type in BEFORE_A_FILE:
                records |= read_records(header, stream)
                continue
            member = member_of(header, records, stream)
            if header.isreg():
                yield member
            stream.skip(member.left + -member.size % tarfile.BLOCKSIZE)
            records = {}
    except (tarfile.TarError, ValueError) as error:
        raise stream.broken(error) from error
    if stream.try_read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise stream.broken("a header is missing in the middle")
    stream.finish()


def read_records(header: tarfile.TarInfo, stream: ByteStream) -> dict[bytes, bytes]:
    """What a long name or a PAX header says about the file that follows. Raises ValueError if it is damaged."""
    if not 0 <= header.size <= LONGEST_RECORDS:
        raise ValueError(f"a name of {header.size} bytes")
    data = stream.read(header.size)
    stream.skip(-header.size % tarfile.BLOCKSIZE)
    if header.type == tarfile.GNUTYPE_LONGNAME:
        return {b"path": data.partition(b"\0")[0]}
    return pax_records(data) if header.type in PAX else {}


def pax_records(data: bytes) -> dict[bytes, bytes]:
    """Keywords and values of records of the form `LENGTH KEYWORD=VALUE\\n`. Raises ValueError for others."""
    records, begin = {}, 0
    while begin < len(data):
        space = data.index(b" ", begin, begin + 20)
        end = begin + int(data[begin:space])
        if not space < end <= len(data):
            raise ValueError("a PAX record with a wrong length")
        keyword, _, value = data[space + 1 : end - 1].partition(b"=")
        records[keyword], begin = value, end
    return records


def member_of(header: tarfile.TarInfo, records: dict[bytes, bytes], stream: ByteStream) -> Member:
    """The member that a header and the records before it describe. Raises ValueError for an impossible one."""
    path = records[b"path"].decode("utf-8", "surrogateescape") if b"path" in records else header.name
    if header.type == tarfile.GNUTYPE_SPARSE or any(keyword.startswith(b"GNU.sparse.") for keyword in records):
        raise ValueError(f"{path} is a sparse file, which is not supported")
    has_content = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
    size = int(records.get(b"size", header.size)) if has_content else 0
    if size < 0:
        raise ValueError(f"{path} has {size} bytes")
    return Member(PurePosixPath(path), size, stream)
