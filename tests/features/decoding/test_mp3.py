import pytest

from features.decoding.mp3 import mp3_is_cut


@pytest.mark.parametrize("rate", [16000, 32000, 44100, 48000])
def test_tells_whole_from_cut(mp3, rate):
    data = mp3(2, rate)
    assert not mp3_is_cut(data)
    assert mp3_is_cut(data[: len(data) // 2])
    assert mp3_is_cut(data[:-10])


def test_tags_before_and_after_are_not_a_cut(mp3):
    tag = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)
    assert not mp3_is_cut(tag + mp3(1) + b"TAG" + bytes(125))
    assert mp3_is_cut(tag + mp3(1)[:-300])


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xfb", b"RIFF no sound", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f"])
def test_other_formats_are_not_called_cut(data):
    assert not mp3_is_cut(data)


def test_foreign_bytes_before_the_first_frame_are_not_a_cut(mp3):
    assert not mp3_is_cut(bytes(10) + mp3(1))
    assert not mp3_is_cut(mp3(1)[50:])
    assert mp3_is_cut(b"a line of text" + mp3(1)[:-300])


def test_more_frames_than_the_xing_header_announces_are_a_cut(mp3):
    assert mp3_is_cut(mp3(1) + mp3(1))
    assert mp3_is_cut(mp3(1) + b"TAG" + bytes(125) + mp3(1))
