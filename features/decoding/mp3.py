"""MP3: whether a stream of MPEG audio frames is cut short.

Decoders silently return what is left of a truncated file; the frames themselves show it.
"""

MPEG1, MPEG2 = 3, 2  # version bits of a frame header; 0 is MPEG 2.5
LAYER_3 = 1
KILOBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG 1
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG 2 and 2.5
}
HERTZ = {MPEG1: (44100, 48000, 32000), MPEG2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
XING_PLACES = (21, 13, 36, 21)  # where the Xing header is in the first frame: MPEG 2 stereo, mono; MPEG 1 stereo, mono
ID3V1 = 128  # bytes
FOREIGN = 65_536  # bytes before the first frame, at most; FFmpeg searches as many


def frame_size(options: int, rates: int) -> int:
    """The size in bytes of a layer III frame, from its second and third byte; 0 if these do not begin one."""
    version, layer = options >> 3 & 3, options >> 1 & 3
    bitrate, rate = rates >> 4, rates >> 2 & 3
    if layer != LAYER_3 or version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    per_frame = 144_000 if version == MPEG1 else 72_000
    return per_frame * KILOBITS[version == MPEG1][bitrate] // HERTZ[version][rate] + (rates >> 1 & 1)


FRAME_SIZES = {  # by the first three bytes of a frame
    bytes((0xFF, options, rates)): size
    for options in range(0xE0, 0x100)
    for rates in range(256)
    if (size := frame_size(options, rates))
}


def mp3_is_cut(data: bytes) -> bool:
    """True if the last frame is cut, or if the number of frames differs from the Xing header: there are more in joined
    files, where decoders stop at the announced end. False if it is not an MP3.

    Frame headers follow ISO/IEC 11172-3, 2.4.2.3; the Xing header is as LAME and FFmpeg write it.
    """
    first = start = first_frame(data)
    if first is None:
        return False
    count = 0
    while size := FRAME_SIZES.get(data[start : start + 3]) or tag_size(data, start):
        count += data[start] == 0xFF
        start += size
    return start > len(data) or 0 < announced_frames(data, first) != count - 1


def first_frame(data: bytes) -> int | None:
    """The offset of the first frame that is followed by another; None if there is none, as in other formats."""
    start = after_id3(data)
    last = start + FOREIGN
    while (start := data.find(b"\xff", start, last)) >= 0:
        size = FRAME_SIZES.get(data[start : start + 3])
        if size and data[start + size : start + size + 3] in FRAME_SIZES:
            return start
        start += 1
    return None


def tag_size(data: bytes, start: int) -> int:
    """The size in bytes of the ID3 tag, of either version, at `start`; 0 if there is none."""
    return ID3V1 if data[start : start + 3] == b"TAG" else after_id3(data, start) - start


def after_id3(data: bytes, start: int = 0) -> int:
    """The offset of the first byte after the ID3v2 tag at `start`, if there is one."""
    head = data[start : start + 10]
    if head[:3] != b"ID3" or len(head) < 10:
        return start
    a, b, c, d = head[6:10]
    return start + 10 + (a << 21 | b << 14 | c << 7 | d)


def announced_frames(data: bytes, first: int) -> int:
    """The number of frames that a Xing header in the frame at `first` announces; 0 without one."""
    is_mpeg1 = data[first + 1] >> 3 & 3 == MPEG1
    is_mono = data[first + 3] >> 6 == 3
    place = first + XING_PLACES[2 * is_mpeg1 + is_mono]
    has_count = data[place : place + 4] in (b"Xing", b"Info") and data[place + 7 : place + 8] and data[place + 7] & 1
    return int.from_bytes(data[place + 8 : place + 12], "big") if has_count else 0
