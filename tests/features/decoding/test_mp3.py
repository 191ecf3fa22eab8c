import pytest

from features.decoding.mp3 import is_truncated


@pytest.mark.parametrize("rate", [16000, 32000, 44100, 48000])
def test_tells_whole_from_cut(mp3, rate):
    data = mp3(2, rate)
    assert not is_truncated(data)
    assert is_truncated(data[: len(data) // 2])
    assert is_truncated(data[:-10])


def test_a_tag_before_and_after_is_no_cut(mp3):
    tag = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)
    assert not is_truncated(tag + mp3(1) + b"TAG" + bytes(125))
    assert is_truncated(tag + mp3(1)[:-300])


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xfb", b"RIFF no sound", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f"])
def test_what_is_no_mp3_is_not_called_cut(data):
    assert not is_truncated(data)


def test_foreign_bytes_before_the_first_frame_are_no_cut(mp3):
    assert not is_truncated(bytes(10) + mp3(1))
    assert not is_truncated(mp3(1)[50:])
    assert is_truncated(b"a line of text" + mp3(1)[:-300])


def test_more_frames_than_the_xing_header_announces_are_a_cut(mp3):
    assert is_truncated(mp3(1) + mp3(1))
    assert is_truncated(mp3(1) + b"TAG" + bytes(125) + mp3(1))
