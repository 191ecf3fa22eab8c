"""Recordings: short sounds in every format that clips come in, and what may be wrong with them."""

import struct
from collections.abc import Callable
from functools import cache

import numpy as np
import soxr

from benchmarks.attacks.damage import Random, any_of, damage
from pipeline.voices.synthetic import RATE, draw_voice, speak
from tests.conftest import encode, encode_by_ffmpeg

RATES = (8000, 16000, 22050, 32000, 44100, 48000)
PCM = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610")
BY_FFMPEG = {  # container, codec, and a sample rate that it accepts
    "M4A": ("ipod", "aac", 44100),
    "ALAC": ("ipod", "alac", 16000),
    "MP4": ("mp4", "aac", 16000),
    "MOV": ("mov", "pcm_s16le", 16000),
    "3GP": ("3gp", "libopencore_amrnb", 8000),
    "AMR": ("amr", "libopencore_amrnb", 8000),
    "AAC": ("adts", "aac", 44100),
    "WebM": ("webm", "libopus", 48000),
    "Matroska": ("matroska", "pcm_s24le", 16000),
    "MP2": ("mp2", "mp2", 16000),
}
BY_LIBSNDFILE = ("FLAC", "AIFF", "AU", "CAF", "W64", "RF64", "WAVEX", "OGG", "Opus")
FORMS = ("WAV", *BY_LIBSNDFILE, *BY_FFMPEG)

HEADER = 300  # bytes that hold most of a format's metadata
NAMES = (b"RIFF", b"fmt ", b"data", b"fact", b"COMM", b"SSND", b"FORM", b"moov", b"trak", b"mdhd", b"stsd", b"stts")
NAMES += (b"stsz", b"stsc", b"stco", b"mdat", b"OggS", b"fLaC", b"Xing", b"Info", b"ID3\3", b"desc", b"pakt", b"elst")
EXTREMES = [0, 1, 2, 0x7F, 0x80, 0xFF, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]
STRANGE = [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e30, 2.0**31, 1e9, 1e-40]
NAMED = "data/secret.wav"
PLAYLISTS = (
    "ffconcat version 1.0\nfile '{name}'\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{name}\n#EXT-X-ENDLIST\n",
    "[playlist]\nFile1={name}\nNumberOfEntries=1\n",
    "<?xml version='1.0'?><MPD><Period><BaseURL>{name}</BaseURL></Period></MPD>",
    "v=0\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "concat:{name}|{name}",
)


def recording(form: str, rng: Random) -> bytes:
    """A voice of a second or two, mono or stereo, in one of FORMS or as an MP3."""
    voice = voices()[rng.integers(3)]
    if form in BY_FFMPEG:
        container, codec, rate = BY_FFMPEG[form]
        return encode_by_ffmpeg(soxr.resample(voice, RATE, rate), rate, container, codec)
    rate = 16000 if form == "Opus" else any_of(rng, RATES)
    sound = np.clip(soxr.resample(voice, RATE, rate), -0.99, 0.99)
    sound = any_of(rng, [sound, np.stack([sound, 0.3 * sound], axis=1)])
    if form == "WAV":
        return encode(sound if sound.ndim == 1 else sound[:, 0], rate, "WAV", any_of(rng, PCM))
    return encode(sound, rate, "OGG", "OPUS") if form == "Opus" else encode(sound, rate, form)


@cache
def voices() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [speak(draw_voice(age, "female", rng), seconds, rng) for age, seconds in ((20, 1.0), (40, 1.5), (70, 2.2))]


def edit_header(data: bytes, other: bytes, rng: Random) -> bytes:
    """`data` with extremes in place of numbers near the beginning."""
    edited = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        write(edited, int(rng.integers(min(HEADER, len(data)))), rng)
    return bytes(edited)


def edit_chunk(data: bytes, other: bytes, rng: Random) -> bytes:
    """`data` with extremes before, or somewhere after, the name of a chunk, a box or a page."""
    places = [place for name in NAMES if (place := data.find(name)) >= 0]
    if not places:
        return edit_header(data, other, rng)
    edited = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        write(edited, max(0, any_of(rng, places) + any_of(rng, [-4, 4, 4, 8, 10, 12, 14, 16, 20, 22])), rng)
    return bytes(edited)


def write(edited: bytearray, place: int, rng: Random) -> None:
    """Write a number of one, two, four or eight bytes, in either byte order."""
    size, order = any_of(rng, [1, 2, 4, 8]), any_of(rng, ["little", "big"])
    value = any_of(rng, [any_of(rng, EXTREMES), int(rng.integers(2**32))])
    edited[place : place + size] = (value % 256**size).to_bytes(size, order)


def join(data: bytes, other: bytes, rng: Random) -> bytes:
    return any_of(rng, [data + other, data + data, data[: len(data) // 2] + other, data + rng.bytes(3000) + other])


def behead(data: bytes, other: bytes, rng: Random) -> bytes:
    """`data` with the other's head, with no head, or with foreign bytes in front."""
    size = any_of(rng, [4, 12, 44, 100, 1000])
    tag = b"ID3\4\0\0" + bytes(any_of(rng, [[0, 0, 7, 0], [127, 127, 127, 127], [0, 0, 0, 10], [255] * 4]))
    heads = [other[:size], b"", tag, tag + bytes(1024), bytes(size), rng.bytes(size), b"\xff\xfb\x90"]
    return any_of(rng, heads) + data[any_of(rng, [0, size]) :]


def play_list(data: bytes, other: bytes, rng: Random) -> bytes:
    """A text that names another file, alone or after this one's head."""
    text = any_of(rng, PLAYLISTS).format(name=any_of(rng, [NAMED, "/etc/passwd", "http://127.0.0.1:9/x.mp3"]))
    return any_of(rng, [b"", b"", data[:12], data]) + text.encode()


def strange_floats(data: bytes, other: bytes, rng: Random) -> bytes:
    """A WAV in which a few samples, or all, are not sound."""
    sound = voices()[0].copy()
    count = any_of(rng, [1, 10, len(sound)])
    sound[rng.integers(len(sound), size=count)] = any_of(rng, STRANGE)
    raw = sound.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, RATE, 4 * RATE, 4, 32)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(raw)) + raw
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def damaged(data: bytes, other: bytes, rng: Random) -> bytes:
    return damage(data, rng)


CHANGES: tuple[Callable[[bytes, bytes, Random], bytes], ...] = (damaged, edit_header, edit_chunk, join, behead)
RARE = (play_list, strange_floats)  # changes that have little to do with what is changed


def changed(data: bytes, other: bytes, rng: Random) -> bytes:
    """A recording with one to three things wrong; `other` is another recording."""
    if rng.integers(12) == 0:
        return any_of(rng, RARE)(data, other, rng)
    for _ in range(rng.integers(1, 4)):
        data = any_of(rng, CHANGES)(data, other, rng) or data
    return data
