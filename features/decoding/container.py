"""Container: a sound file's format, judged by its first bytes, never by its name."""

from features.decoding.mp3 import after_id3, first_frame

MAGIC = {
    b"RIFF": "wav",
    b"RIFX": "wav",
    b"RF64": "rf64",
    b"FORM": "aiff",
    b".snd": "au",
    b"caff": "caf",
    b"riff": "w64",
    b"OggS": "ogg",
    b"fLaC": "flac",
    b"\x1aE\xdf\xa3": "matroska",
    b"#!AM": "amr",
}
BY_FFMPEG = {"aac", "aiff", "amr", "flac", "matroska", "mov", "mp3", "ogg", "wav"}  # the names of its demuxers
BOXES = (b"ftyp", b"moov", b"moof", b"mdat", b"wide", b"free", b"skip")  # an MP4 begins with one of these


def container_of(data: bytes) -> str | None:
    """One of MAGIC's values, mov (MP4 and its kin), aac (ADTS), mp3, or None.

    ID3 tags are skipped: FLAC and AAC may follow one too. An MP3 may have foreign bytes before its first frame.
    """
    start = after_id3(data)
    head = data[start : start + 8]
    if name := MAGIC.get(head[:4]):
        return name
    if head[4:] in BOXES:
        return "mov"
    if head[:1] == b"\xff" and head[1:2] and head[1] & 0xF6 == 0xF0:
        return "aac"
    return None if first_frame(data) is None else "mp3"
