"""MP4: the boxes that M4A, MP4, 3GP and MOV consist of."""

import re
from collections.abc import Iterator

COUNTS = re.compile(rb"(?:(?:stsz|stz2).{8}|trun.{4})(.{4})", re.DOTALL)  # of samples, wherever their boxes are


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The name, the beginning and the end of each outer box; a last one that is cut ends after the data do."""
    start = 0
    while start + 8 <= len(data):
        size, name = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8]
        if size == 1:
            size = int.from_bytes(data[start + 8 : start + 16])
        end = start + size if size >= 8 else len(data)  # 0: up to the end
        yield name, start, end
        start = end


def announced_samples(data: bytes) -> int:
    """What all tables together announce, for which FFmpeg makes room before it looks at any sample."""
    tables = (data[start:end] for name, start, end in boxes(data) if name != b"mdat")
    return sum(int.from_bytes(count) for table in tables for count in COUNTS.findall(table))


def mp4_is_cut(data: bytes) -> bool:
    return max((end for _, _, end in boxes(data)), default=0) > len(data)
