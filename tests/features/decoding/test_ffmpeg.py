"""FFmpeg: what libsndfile refuses, within the same limits (also mp4.py, container.py)."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from features.decoding.container import BY_FFMPEG, container_of
from features.decoding.ffmpeg import open_ffmpeg
from features.decoding.mono import read_mono
from features.decoding.rejected import Rejected
from features.decoding.sound import Sound, SoundReader
from tests.conftest import buzz, encode, encode_by_ffmpeg


def heard(front_end, data: bytes) -> Sound:
    return SoundReader(front_end.sound)(data)


def remuxed(data: bytes, form: str, into: str, **options: str) -> bytes:
    """The same packets in another container."""
    file = io.BytesIO()
    with av.open(io.BytesIO(data), format=form) as source, av.open(file, "w", format=into, options=options) as sink:
        stream = sink.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = stream
                sink.mux(packet)
    return file.getvalue()


@pytest.fixture(scope="module")
def bare() -> bytes:
    """An MP3 of two seconds without a Xing header: frames of 144 bytes, 36 ms each."""
    data = encode_by_ffmpeg(buzz(2, 16000, 0), 16000, "mp3", "libmp3lame")
    return remuxed(data, "mp3", "mp3", write_xing="0", id3v2_version="0")


@pytest.mark.parametrize(
    ("form", "codec", "rate", "found"),
    [
        ("ipod", "aac", 44100, "mov"),
        ("mp4", "aac", 16000, "mov"),
        ("ipod", "alac", 16000, "mov"),
        ("mov", "pcm_s16le", 16000, "mov"),
        ("mov", "pcm_u8", 16000, "mov"),
        ("mov", "pcm_f64le", 16000, "mov"),
        ("3gp", "libopencore_amrnb", 8000, "mov"),
        ("amr", "libopencore_amrnb", 8000, "amr"),
        ("adts", "aac", 44100, "aac"),
        ("webm", "libopus", 48000, "matroska"),
        ("matroska", "aac", 44100, "matroska"),
        ("matroska", "pcm_s24le", 16000, "matroska"),
    ],
)
def test_what_phones_and_browsers_record_is_read(front_end, form, codec, rate, found):
    sound = buzz(2, rate, 0)
    data = encode_by_ffmpeg(sound, rate, form, codec)
    assert container_of(data) == found
    one = heard(front_end, data)
    assert (one.sample_rate, one.channels) == (rate, 1)
    assert 2 <= one.seconds <= 2.15  # padding that an encoder adds in front stays
    assert one.loudness == pytest.approx(heard(front_end, encode(sound, rate, "WAV")).loudness, abs=0.5)


def test_flac_in_ogg_is_read(front_end):
    data = remuxed(encode(buzz(2, 16000, 0), 16000, "FLAC"), "flac", "ogg")
    plain = heard(front_end, encode(buzz(2, 16000, 0), 16000, "FLAC"))
    np.testing.assert_array_equal(heard(front_end, data).samples, plain.samples)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "AIFF"])
def test_both_decoders_agree(form):
    both = np.stack([buzz(1, 16000, 0), buzz(1, 16000, 1)], axis=1)
    data = encode(both, 16000, form)
    mono = read_mono(lambda: open_ffmpeg(data, container_of(data)), 60)
    assert (mono.rate, mono.channels) == (16000, 2)
    np.testing.assert_allclose(mono.samples, both.mean(axis=1), atol=2**-15)


@pytest.mark.parametrize("size", [0, 2**32 - 1])
def test_a_size_that_was_never_filled_in_is_ignored(front_end, size):
    data = encode(buzz(2, 16000, 0), 16000, "WAV")
    place = data.index(b"data") + 4
    streamed = data[:place] + struct.pack("<I", size) + data[place + 4 :]
    np.testing.assert_array_equal(heard(front_end, streamed).samples, heard(front_end, data).samples)
    assert not heard(front_end, streamed).flags


@pytest.mark.parametrize("total", [0, 2**36 - 1])
def test_a_flac_that_does_not_know_its_length_is_read(front_end, total):
    data = encode(buzz(2, 16000, 0), 16000, "FLAC")
    head = int.from_bytes(data[18:26]) >> 36 << 36 | total
    unknown = data[:18] + head.to_bytes(8) + data[26:]
    np.testing.assert_array_equal(heard(front_end, unknown).samples, heard(front_end, data).samples)
    assert not heard(front_end, unknown).flags


def test_a_flac_cut_short_gives_what_is_left(front_end):
    data = encode(buzz(4, 16000, 0), 16000, "FLAC")
    one = heard(front_end, data[: len(data) // 2])
    assert 1.5 < one.seconds < 2.2
    assert one.flags == "truncated"


@pytest.mark.parametrize(
    "change",
    [
        lambda mp3: mp3 + bytes(1500),
        lambda mp3: mp3 + b"LYRICSBEGIN" + b"x" * 3000 + b"LYRICS200" + b"TAG" + bytes(125),
        lambda mp3: mp3[:1440] + bytes(3000) + mp3[1440:],
        lambda mp3: mp3[:1440] + np.random.default_rng(0).bytes(3000) + mp3[1440:],
        lambda mp3: bytes(10) + mp3,
        lambda mp3: b"<!-- from a form -->" + mp3,
        lambda mp3: mp3[50:],
        lambda mp3: b"ID3\3\0\0\0\0\0\0" + bytes(2000) + mp3,
    ],
)
def test_foreign_bytes_in_an_mp3_cost_little(front_end, bare, change):
    assert heard(front_end, change(bare)).seconds == pytest.approx(heard(front_end, bare).seconds, abs=0.15)


def test_the_limits_hold(front_end):
    data = encode_by_ffmpeg(buzz(62, 8000, 0), 8000, "amr", "libopencore_amrnb")
    with pytest.raises(Rejected, match="too_long"):
        heard(front_end, data)


@pytest.mark.parametrize("form", sorted(BY_FFMPEG))
@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile 'secret.wav'\n", "#EXTM3U\n#EXTINF:9,\nsecret.wav\n"])
def test_a_playlist_is_not_followed(front_end, tmp_path, monkeypatch, form, text):
    monkeypatch.chdir(tmp_path)
    Path("secret.wav").write_bytes(encode(buzz(2, 16000, 0), 16000, "WAV"))
    assert container_of(text.encode()) is None
    with pytest.raises(Rejected, match="undecodable"):
        heard(front_end, text.encode())
    with pytest.raises(ValueError, match=r"no sound|Invalid|End of file"), open_ffmpeg(text.encode(), form):
        pass


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def referring_to(path: bytes, mov: bytes) -> bytes:
    """This MP4, changed to refer to another file for its samples, by a Macintosh alias."""
    alias = bytes(14) + b"\x0cMacintosh HD".ljust(28, b"\0") + bytes(12) + bytes([len(path)]) + path.ljust(63, b"\0")
    alias += bytes(16) + b"\0\1\0\1" + bytes(16) + struct.pack(">HH", 2, len(path)) + path + b"\xff\xff\0\0"
    place, content = 0, b""
    while place < len(mov):
        size, name = struct.unpack(">I4s", mov[place : place + 8])
        inside = mov[place + 8 : place + size]
        if name in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
            inside = referring_to(path, inside)
        elif name == b"dref":
            inside = bytes(7) + b"\1" + box(b"alis", alias)
        content += box(name, inside)
        place += size
    return content


def test_a_reference_to_another_file_is_not_followed(front_end, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sound = buzz(2, 16000, 0)
    Path("secret.wav").write_bytes(encode(sound, 16000, "WAV"))
    data = referring_to(b"secret.wav", encode_by_ffmpeg(0 * sound, 16000, "mov", "pcm_s16le"))
    with av.open(io.BytesIO(data), format="mov", options={"enable_drefs": "1"}) as followed:
        assert any(frame.to_ndarray().any() for frame in followed.decode(audio=0))
    with pytest.raises(Rejected, match="undecodable"):
        heard(front_end, data)
    monkeypatch.setitem(sys.modules["features.decoding.ffmpeg"].OPTIONS, "enable_drefs", "1")
    with pytest.raises(Rejected, match=r"refers to secret\.wav"):
        heard(front_end, data)


@pytest.mark.parametrize(("name", "place"), [(b"stsz", 12), (b"trun", 8)])
def test_an_mp4_that_announces_millions_of_samples_is_refused(front_end, name, place):
    data = encode_by_ffmpeg(buzz(1, 16000, 0), 16000, "mp4", "aac")
    if name == b"trun":
        data = remuxed(data, "mov", "mp4", movflags="empty_moov+frag_keyframe")
    assert heard(front_end, data).seconds == pytest.approx(1.1, abs=0.1)
    place += data.index(name)
    with pytest.raises(Rejected, match="more samples than it holds"):
        heard(front_end, data[:place] + struct.pack(">I", 20_000_000) + data[place + 4 :])


def test_files_without_sound_are_refused(front_end):
    for data in (b"\0\0\0\x1cftypM4A \0\0\0\0" + bytes(100), b"\x1a\x45\xdf\xa3" + bytes(100), b"OggS" + bytes(100)):
        with pytest.raises(Rejected, match="undecodable"):
            heard(front_end, data)


def test_pyav_is_loaded_when_it_is_needed(tmp_path):
    (tmp_path / "sound.mp3").write_bytes(encode(buzz(1, 16000, 0), 16000))
    (tmp_path / "sound.m4a").write_bytes(encode_by_ffmpeg(buzz(1, 16000, 0), 16000, "mp4", "aac"))
    code = (
        "import sys; from pathlib import Path;"
        "import features.decoding.decoder; from features.decoding.sound import SoundReader;"
        "from features.front_end import Reading;"
        "read = SoundReader(Reading(16000, 40, 0.5, 60));"
        f"read(Path({str(tmp_path / 'sound.mp3')!r}).read_bytes()); before = 'av' in sys.modules;"
        f"read(Path({str(tmp_path / 'sound.m4a')!r}).read_bytes()); sys.exit(before or 'av' not in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
