"""MP3: whether a stream of MPEG audio frames stops before its end.

A decoder gives what is left of a truncated file without a word; the frames themselves tell.
"""

from functools import cache

MPEG1, MPEG2 = 3, 2  # version bits of a frame header; 0 is MPEG 2.5
LAYER_3 = 1
KILOBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG 1
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG 2 and 2.5
}
HERTZ = {MPEG1: (44100, 48000, 32000), MPEG2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
XING_PLACES = (21, 13, 36, 21)  # of the Xing header in the first frame: MPEG 2 stereo, mono; MPEG 1 stereo, mono


def is_truncated(data: bytes) -> bool:
    """True if the last frame is cut, or fewer frames follow than the Xing header announces; False also for what
    is no MP3.

    Frame headers after ISO/IEC 11172-3, 2.4.2.3; the Xing header as LAME and FFmpeg write it.
    """
    first = start = after_id3(data)
    count = 0
    while start + 4 <= len(data) and data[start] == 0xFF:
        size = frame_size(data[start + 1], data[start + 2])
        if not size:
            break
        start += size
        count += 1
    if not count:
        return False
    return start > len(data) or count - 1 < announced_frames(data, first)


def after_id3(data: bytes) -> int:
    """The offset of the first byte after an ID3v2 tag, if there is one."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    a, b, c, d = data[6:10]
    return 10 + (a << 21 | b << 14 | c << 7 | d)


@cache
def frame_size(options: int, rates: int) -> int:
    """The bytes of the layer III frame whose second and third byte these are; 0 if they begin none."""
    version, layer = options >> 3 & 3, options >> 1 & 3
    bitrate, rate = rates >> 4, rates >> 2 & 3
    if options < 0xE0 or layer != LAYER_3 or version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    per_frame = 144_000 if version == MPEG1 else 72_000
    return per_frame * KILOBITS[version == MPEG1][bitrate] // HERTZ[version][rate] + (rates >> 1 & 1)


def announced_frames(data: bytes, first: int) -> int:
    """The number of frames that a Xing header in the frame at `first` announces; 0 without one."""
    is_mpeg1 = data[first + 1] >> 3 & 3 == MPEG1
    is_mono = data[first + 3] >> 6 == 3
    place = first + XING_PLACES[2 * is_mpeg1 + is_mono]
    has_count = data[place : place + 4] in (b"Xing", b"Info") and data[place + 7 : place + 8] and data[place + 7] & 1
    return int.from_bytes(data[place + 8 : place + 12], "big") if has_count else 0
