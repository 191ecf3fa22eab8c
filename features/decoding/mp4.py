"""MP4: the boxes that make up M4A, MP4, 3GP and MOV files."""

import re
from collections.abc import Iterator

COUNTS = re.compile(rb"(?:(?:stsz|stz2).{8}|trun.{4})(.{4})", re.DOTALL)  # of samples, wherever their boxes are


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The name, start and end of each outer box; the last one, if cut, ends beyond the data."""
    start = 0
    while start + 8 <= len(data):
        size, name = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8]
        if size == 1:
            size = int.from_bytes(data[start + 8 : start + 16])
        end = start + size if size >= 8 else len(data)  # 0: to the end of the file
        yield name, start, end
        start = end


def announced_samples(data: bytes) -> int:
    """The samples that all tables together announce: FFmpeg allocates memory for them before it reads any."""
    tables = (data[start:end] for name, start, end in boxes(data) if name != b"mdat")
    return sum(int.from_bytes(count) for table in tables for count in COUNTS.findall(table))


def mp4_is_cut(data: bytes) -> bool:
    return max((end for _, _, end in boxes(data)), default=0) > len(data)
