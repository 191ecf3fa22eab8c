"""Compressed: reads the content of a gzip, bzip2 or xz file.

The libraries' own readers fail if bytes follow the content, and isal's loses the last blocks first.
"""

import bz2
import io
import lzma
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor, IsalError

DECOMPRESSORS = {  # by the first bytes of a file
    b"\x1f\x8b": partial(IgzipDecompressor, DECOMP_GZIP),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, memlimit=2**29),  # bytes; xz -9 asks for 65 MiB
}
DAMAGED = (EOFError, OSError, IsalError, lzma.LZMAError)  # what reading a damaged or cut file raises
READ_AT_ONCE = 2**16  # bytes of the file read at a time
READY = 2**17  # bytes of its content that are buffered


def decompressed(file: BinaryIO) -> BinaryIO:
    """The content of a file that may be compressed."""
    start = file.read(max(map(len, DECOMPRESSORS)))
    file.seek(0)
    for magic, decompressor in DECOMPRESSORS.items():
        if start.startswith(magic):
            return io.BufferedReader(Decompressed(file, magic, decompressor), READY)
    return file


class Decompressed(io.RawIOBase):
    """The content of all streams in a compressed file; anything after them is ignored, as tar does."""

    def __init__(self, file: BinaryIO, magic: bytes, decompressor: Callable):
        self.file, self.magic, self.decompressor = file, magic, decompressor
        self.stream, self.ahead = decompressor(), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        data = b""
        while self.stream and not data:
            if self.stream.needs_input and not self.ahead:
                self.ahead = self.file.read(READ_AT_ONCE)
                if not self.ahead:
                    raise EOFError("Compressed file ended before the end-of-stream marker was reached")
            data, self.ahead = self.stream.decompress(self.ahead, len(buffer)), b""
            if self.stream.eof:
                self.ahead = self.stream.unused_data
                if len(self.ahead) < len(self.magic):
                    self.ahead += self.file.read(READ_AT_ONCE)
                self.stream = self.decompressor() if self.ahead.startswith(self.magic) else None
        buffer[: len(data)] = data
        return len(data)
