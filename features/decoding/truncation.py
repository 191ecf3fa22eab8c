"""Truncation: whether a sound file ends before its container says it should, or goes on after its first sound.

Decoders silently return what is left of a truncated file, and only the first of several joined sounds.
"""

import re

from features.decoding import mp3, mp4
from features.decoding.container import container_of

UNKNOWN = 0x7FFF_0000  # bytes; files written to a pipe announce this many, or more, or none
FIRST, LAST = 2, 4  # bits of an Ogg page's type: begins a stream, ends a stream
SEGMENT, CLUSTER = 0x18538067, 0x1F43B675  # Matroska elements that contain the others
AMR_SIZES = {  # bytes per frame in each mode
    b"#!AMR\n": (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1),
    b"#!AMR-WB\n": (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1),
}
FLAC_START = re.compile(rb"fLaC[\0\x80]\0\0\x22")


def is_truncated(data: bytes, samples: int) -> bool:
    """Whether less of a sound file was decoded (`samples` per channel) than it announces or holds, as far as its
    container shows.
    """
    form = container_of(data)
    if form == "flac":
        return samples < flac_samples(data) or len(FLAC_START.findall(data)) > 1
    return form in CHECKS and CHECKS[form](data)


def riff_is_cut(data: bytes) -> bool:
    """Looks at the chunk that holds the sound, in WAV and AIFF: the size of the whole file is often wrong."""
    start, order = 12, "big" if data[:4] in (b"FORM", b"RIFX") else "little"
    while start + 8 <= len(data):
        name, size = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], order)
        end = start + 8 + size
        start = end + size % 2
        if name in (b"data", b"SSND"):
            return 0 < size < UNKNOWN and (end > len(data) or data[start : start + 4] == data[:4])
    return True


def rf64_is_cut(data: bytes) -> bool:
    return 8 + int.from_bytes(data[20:28], "little") > len(data)


def w64_is_cut(data: bytes) -> bool:
    return int.from_bytes(data[16:24], "little") > len(data)


def au_is_cut(data: bytes) -> bool:
    size = int.from_bytes(data[8:12])
    return size < UNKNOWN and int.from_bytes(data[4:8]) + size > len(data)


def flac_samples(data: bytes) -> int:
    """Samples per channel according to a FLAC's first block; 0 if it does not say."""
    start, most = mp3.after_id3(data), (1 << 36) - 1
    samples = int.from_bytes(data[start + 21 : start + 26]) & most
    return samples if samples < most else 0


def ogg_is_cut(data: bytes) -> bool:
    """Whether the last page does not end a stream, or a stream begins after others have started to sound."""
    start, kind, begins = 0, LAST, True
    while (start := data.find(b"OggS", start)) >= 0:
        if start + 27 > len(data):
            return True
        kind, table = data[start + 5], data[start + 27 : start + 27 + data[start + 26]]
        if kind & FIRST and not begins:
            return True
        begins = bool(kind & FIRST)
        start += 27 + data[start + 26] + sum(table)
        if start > len(data):
            return True
    return not kind & LAST


def matroska_is_cut(data: bytes) -> bool:
    """In live recordings, elements that contain others have unknown sizes: all bits are set."""
    start = 0
    while start < len(data) and data[start]:
        name, middle = variable_integer(data, start)
        if middle >= len(data):
            return True
        size, start = variable_integer(data, middle)
        marker = 1 << 7 * (start - middle)
        is_known = size != 2 * marker - 1
        end = start + max(0, size - marker) * is_known
        if end > len(data) or (name == SEGMENT and is_known):
            return end > len(data)
        start = start if name in (SEGMENT, CLUSTER) else end
    return False


def variable_integer(data: bytes, start: int) -> tuple[int, int]:
    """An integer as EBML stores it, including its length marker, and where it ends."""
    end = start + 9 - data[start].bit_length()
    return int.from_bytes(data[start:end]), end


def aac_is_cut(data: bytes) -> bool:
    start = mp3.after_id3(data)
    while start + 7 <= len(data) and data[start] == 0xFF and data[start + 1] & 0xF6 == 0xF0:
        size = int.from_bytes(data[start + 3 : start + 6]) >> 5 & 0x1FFF
        start += max(size, 7)
    return start > len(data)


def amr_is_cut(data: bytes) -> bool:
    head = data[: data.find(b"\n") + 1]
    sizes, start = AMR_SIZES.get(head, ()), len(head)
    while sizes and start < len(data):
        start += sizes[data[start] >> 3 & 15]
    return start > len(data)


CHECKS = {
    "wav": riff_is_cut,
    "aiff": riff_is_cut,
    "rf64": rf64_is_cut,
    "w64": w64_is_cut,
    "au": au_is_cut,
    "ogg": ogg_is_cut,
    "mov": mp4.mp4_is_cut,
    "matroska": matroska_is_cut,
    "aac": aac_is_cut,
    "amr": amr_is_cut,
    "mp3": mp3.mp3_is_cut,
}
