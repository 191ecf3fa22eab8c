"""Sound: decoded, trimmed, resampled, or rejected with a reason (also decoder.py, rejected.py)."""

import dataclasses
import io
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from features.decoding.sound import Rejected, Sound, SoundReader, quiet_decoder
from features.front_end import FrontEnd
from tests.conftest import buzz, encode


def read_sound(data: bytes, front_end: FrontEnd) -> Sound:
    return SoundReader(front_end.sound)(data)


NOISE = np.random.default_rng(0).bytes(20_000)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (NOISE, "undecodable"),
        (b"<html>404</html>", "undecodable"),
        (encode(np.zeros(48000), 48000), "silent"),
        (encode(buzz(0.3, 48000, 0), 48000), "too_short"),
        (encode(buzz(0.005, 48000, 0), 48000, "WAV"), "too_short"),
        (encode(buzz(1, 16000, 0), 16000, "WAV")[:44], "undecodable"),
    ],
)
def test_each_bad_clip_has_its_reason(front_end, data, reason):
    with pytest.raises(Rejected) as rejected:
        read_sound(data, front_end)
    assert rejected.value.reason == reason


def test_a_long_clip_is_refused_before_it_is_read(front_end, mp3):
    with pytest.raises(Rejected, match="too_long"):
        read_sound(mp3(3), dataclasses.replace(front_end, sound=dataclasses.replace(front_end.sound, longest=2)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, 1e18])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("place", [0, 8000, -1])
def test_samples_that_are_not_valid_numbers_are_refused_anywhere(front_end, value, channels, place):
    file, samples = io.BytesIO(), np.stack([buzz(1.005, 16000, 0)] * channels, axis=1)
    samples[place, -1] = value
    soundfile.write(file, samples, 16000, format="WAV", subtype="FLOAT")
    with pytest.raises(Rejected, match=r"undecodable.*not valid numbers"):
        read_sound(file.getvalue(), front_end)


def test_integers_that_were_stored_as_floats_are_heard(front_end):
    file = io.BytesIO()
    soundfile.write(file, 32768 * buzz(1, 16000, 0), 16000, format="WAV", subtype="FLOAT")
    assert np.isfinite(read_sound(file.getvalue(), front_end).loudness)


def with_silence(sound: np.ndarray, rate: int) -> np.ndarray:
    return np.concatenate([np.zeros(rate), sound, np.zeros(rate)])


@pytest.mark.parametrize("offset", [0.02, -0.3])
def test_a_constant_offset_is_not_sound(front_end, offset):
    rate, sound = 16000, 0.5 * buzz(1, 16000, 0)
    plain = read_sound(encode(with_silence(sound, rate), rate, "WAV"), front_end)
    heard = read_sound(encode(with_silence(sound, rate) + offset, rate, "WAV"), front_end)
    assert len(heard.samples) == len(plain.samples)
    assert heard.loudness == pytest.approx(plain.loudness, abs=0.1)
    with pytest.raises(Rejected, match="silent"):
        read_sound(encode(np.full(rate, offset), rate, "WAV"), front_end)


@pytest.mark.parametrize("hertz", [25, 50, 100])
def test_hums_and_thumps_are_not_offsets(front_end, hertz):
    rate, seconds = 16000, np.arange(16000 + 80) / 16000
    hum = with_silence(0.5 * np.sin(2 * np.pi * hertz * seconds), rate)
    thump = with_silence(0.3 * buzz(1, rate, 0), rate)
    thump[20000:22000] += 0.9
    for samples in (hum, thump):
        heard = read_sound(encode(samples, rate, "WAV"), front_end)
        assert len(heard.samples) / rate == pytest.approx(1.1, abs=0.03)


def test_channels_that_cancel_out_are_heard(front_end):
    left = buzz(1, 16000, 0)
    alone = read_sound(encode(left, 16000, "WAV"), front_end)
    heard = read_sound(encode(np.stack([left, -left], axis=1), 16000, "WAV"), front_end)
    np.testing.assert_array_equal(heard.samples, alone.samples)
    assert heard.channels == 2


def test_facts_of_the_source_are_kept(front_end):
    both = np.stack([buzz(2, 44100, 0), buzz(2, 44100, 1)], axis=1)
    heard = read_sound(encode(both, 44100), front_end)
    assert (heard.sample_rate, heard.channels, heard.flags) == (44100, 2, "")
    assert heard.seconds == pytest.approx(2, abs=0.06)
    assert len(heard.samples) == pytest.approx(2 * 16000, abs=1000)
    expected = 10 * np.log10(np.mean(both.mean(axis=1) ** 2))
    assert heard.loudness == pytest.approx(expected, abs=0.5)


def test_a_truncated_clip_is_kept_and_flagged(front_end, mp3):
    data = mp3(4)
    heard = read_sound(data[: len(data) // 2], front_end)
    assert heard.flags == "truncated"
    assert 1.5 < heard.seconds < 2.5


def test_a_clipped_clip_is_flagged(front_end):
    loud = np.clip(20 * buzz(1, 16000, 0), -1, 1)
    assert read_sound(encode(loud, 16000, "WAV"), front_end).flags == "clipped"


def test_silence_at_the_ends_is_trimmed_and_pauses_stay(front_end):
    silence, speech = np.zeros(16000), buzz(1, 16000, 0)
    heard = read_sound(encode(np.concatenate([silence, speech, silence, speech, silence]), 16000, "WAV"), front_end)
    assert len(heard.samples) / 16000 == pytest.approx(3 + 0.1, abs=0.03)


def test_resampling_keeps_a_tone(front_end):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
    samples = read_sound(encode(tone, 48000, "WAV"), front_end).samples
    assert np.abs(np.fft.rfft(samples)).argmax() * 16000 / len(samples) == pytest.approx(440, abs=2)


def test_memory_file_and_file_object_give_the_same(front_end, mp3, monkeypatch):
    quick = SoundReader(front_end.sound).decode(mp3(1))
    monkeypatch.delattr(os, "memfd_create", raising=False)
    slow = SoundReader(front_end.sound).decode(mp3(1))
    assert quick.rate == slow.rate
    np.testing.assert_array_equal(quick.samples, slow.samples)


def test_the_decoders_chatter_goes_nowhere(capfd):
    with quiet_decoder():
        os.write(2, b"chatter")
    os.write(2, b"error")
    assert capfd.readouterr().err == "error"


def test_no_handle_is_left_open(front_end, mp3):
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    data = mp3(1)
    before = count()
    for clip in (data, NOISE, data[:500]):
        with suppress(Rejected):
            read_sound(clip, front_end)
    assert count() == before
