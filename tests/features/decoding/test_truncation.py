import io
import tempfile
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from features.decoding.rejected import Rejected
from features.decoding.sound import SoundReader
from features.decoding.truncation import is_truncated
from tests.conftest import buzz, encode, encode_by_ffmpeg


def by_libsndfile(form: str, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, buzz(4, 16000, 0), 16000, format=form, subtype=subtype, endian="FILE")
    return file.getvalue()


def by_ffmpeg(form: str, codec: str, rate: int = 16000) -> bytes:
    return encode_by_ffmpeg(buzz(4, rate, 0), rate, form, codec)


def big_endian() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, buzz(4, 16000, 0), 16000, format="WAV", endian="BIG")
    return file.getvalue()


def mp4(**options: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.mp4"
        with (
            av.open(io.BytesIO(by_ffmpeg("mp4", "aac"))) as source,
            av.open(path, "w", format="mp4", options=options) as sink,
        ):
            stream = sink.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    sink.mux(packet)
        return path.read_bytes()


def live_webm() -> bytes:
    """As browsers record it, with unknown sizes of segment and clusters."""
    data = bytearray(by_ffmpeg("webm", "libopus", 48000))
    for name in (b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"):
        place = data.index(name) + 4
        width = 9 - data[place].bit_length()
        data[place : place + width] = ((2 << 7 * width) - 1).to_bytes(width)
    return bytes(data)


FORMS = {
    "WAV": lambda: by_libsndfile("WAV"),
    "WAV, big-endian": big_endian,
    "MP3 in WAV": lambda: by_ffmpeg("wav", "libmp3lame"),
    "ADPCM in WAV": lambda: by_libsndfile("WAV", "IMA_ADPCM"),
    "RF64": lambda: by_libsndfile("RF64"),
    "W64": lambda: by_libsndfile("W64"),
    "AIFF": lambda: by_libsndfile("AIFF"),
    "AU": lambda: by_libsndfile("AU"),
    "FLAC": lambda: by_libsndfile("FLAC"),
    "Vorbis": lambda: by_libsndfile("OGG", "VORBIS"),
    "Opus": lambda: by_libsndfile("OGG", "OPUS"),
    "MP3": lambda: by_libsndfile("MP3"),
    "MP4, contents in front": lambda: mp4(movflags="faststart"),
    "MP4, fragments": lambda: mp4(movflags="empty_moov+frag_keyframe", frag_duration="500000"),
    "WebM": lambda: by_ffmpeg("webm", "libopus", 48000),
    "WebM, live": live_webm,
    "Matroska": lambda: by_ffmpeg("matroska", "aac"),
    "ADTS": lambda: by_ffmpeg("adts", "aac"),
    "AMR": lambda: by_ffmpeg("amr", "libopencore_amrnb", 8000),
}


@pytest.mark.parametrize("name", FORMS)
def test_cut_and_whole_files_are_told_apart(front_end, name):
    data = FORMS[name]()
    read_sound = SoundReader(front_end.sound)
    whole = read_sound(data)
    assert whole.flags == ""
    for share in (0.4, 0.6, 0.9):
        cut = read_sound(data[: int(share * len(data))])
        assert cut.flags == "truncated"
        assert cut.seconds < 0.98 * whole.seconds


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
def test_of_joined_sounds_only_the_first_is_heard(front_end, form):
    one, other = (encode(buzz(2, 16000, seed), 16000, form) for seed in (0, 1))
    heard = SoundReader(front_end.sound)(one + other)
    assert heard.seconds == pytest.approx(2, abs=0.1)
    assert heard.flags == "truncated"


def test_mp3s_joined_with_their_tags_are_flagged(front_end):
    one, other = (encode(buzz(2, 16000, seed), 16000) for seed in (0, 1))
    tags = b"TAG" + bytes(125) + b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)
    assert SoundReader(front_end.sound)(one + tags + other).flags == "truncated"


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_size_that_was_never_filled_in_proves_nothing(size):
    data = by_libsndfile("WAV")
    place = data.index(b"data") + 4
    size = size.to_bytes(4, "little")
    assert not is_truncated(data[:4] + size + data[8:place] + size + data[place + 4 :], 64000)


@pytest.mark.parametrize("name", ["WAV", "AIFF", "Vorbis", "MP3", "WebM", "FLAC"])
@pytest.mark.parametrize("rest", [bytes(1000), b"TAG" + bytes(125)])
def test_trailing_bytes_are_not_a_cut(name, rest):
    assert not is_truncated(FORMS[name]() + rest, 64000)


@pytest.mark.parametrize("name", FORMS)
def test_nonsense_raises_no_error(front_end, name):
    """Files cut at every byte of their headers, and random bytes after them."""
    data, random = FORMS[name](), np.random.default_rng(0)
    read_sound = SoundReader(front_end.sound)
    for length in [*range(0, 120, 7), *random.integers(120, 3000, 5)]:
        for odd in (data[:length], data[:length] + random.bytes(5000), data[:length] + bytes(5000)):
            is_truncated(odd, 0)
            try:
                read_sound(odd)
            except Rejected:
                continue
