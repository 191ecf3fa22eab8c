import dataclasses
import io
from contextlib import contextmanager

import numpy as np
import pytest
import soundfile

from features.decoding.mono import SoundStream, read_mono
from features.decoding.rejected import Rejected
from features.decoding.sound import SoundReader
from tests.conftest import buzz, encode


def opener(samples: np.ndarray, rate: int = 16000, size: int = 1000, length: int = 0) -> callable:
    """A decoder of these samples, (samples, channels), in blocks of `size`."""

    @contextmanager
    def opened():
        blocks = (samples[start : start + size] for start in range(0, len(samples), size))
        yield SoundStream(rate, samples.shape[1], length, blocks)

    return opened


def noise(channels: int, count: int = 16000) -> np.ndarray:
    return np.float32(0.1 * np.random.default_rng(0).standard_normal((count, channels)))


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_the_mean_of_the_channels_does_not_depend_on_the_blocks(channels):
    samples = noise(channels)
    for size in (7, 1000, 16000, 20000):
        mono = read_mono(opener(samples, size=size), 60)
        assert (mono.rate, mono.channels) == (16000, channels)
        np.testing.assert_allclose(mono.samples, samples.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("offset", [0, 0.2])
def test_channels_that_cancel_each_other_leave_the_louder_one(offset):
    left = noise(1)[:, 0]
    samples = np.stack([left, -0.9 * left], axis=1) + np.float32(offset)
    np.testing.assert_array_equal(read_mono(opener(samples), 60).samples, samples[:, 0])
    samples = samples[:, ::-1]
    np.testing.assert_array_equal(read_mono(opener(samples), 60).samples, samples[:, 1])


@pytest.mark.parametrize("other", [0, 0.5, -0.3])
def test_channels_that_do_not_cancel_are_mixed(other):
    left = noise(1)[:, 0]
    samples = np.stack([left, np.float32(other) * left], axis=1)
    np.testing.assert_allclose(read_mono(opener(samples), 60).samples, samples.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize(
    ("rate", "channels", "length", "reason"),
    [
        (0, 1, 0, "undecodable"),
        (50, 1, 0, "undecodable"),
        (999, 1, 0, "undecodable"),
        (655_350, 1, 0, "undecodable"),
        (192_000, 255, 0, "undecodable"),
        (16000, 1, 16000 * 61, "too_long"),
    ],
)
def test_what_exceeds_the_limits_is_refused_before_it_is_read(rate, channels, length, reason):
    @contextmanager
    def opened():
        yield SoundStream(rate, channels, length, iter([pytest.fail]))

    with pytest.raises(Rejected) as rejected:
        read_mono(opened, 60)
    assert rejected.value.reason == reason


def test_an_unbelievable_length_is_ignored():
    assert len(read_mono(opener(noise(1), length=2**63 - 1), 60).samples) == 16000


def test_a_sound_longer_than_its_header_says_is_limited():
    with pytest.raises(Rejected, match="too_long"):
        read_mono(opener(noise(1, 16000 * 3), length=16000), 2)


def test_a_sound_without_samples_is_an_error():
    with pytest.raises(EOFError):
        read_mono(opener(noise(1)[:0]), 60)


def test_one_clipped_channel_is_enough():
    samples = noise(2)
    assert not read_mono(opener(samples, size=16000), 60).is_clipped
    samples[:, 1] = np.clip(20 * samples[:, 1], -0.8, 0.8)
    assert read_mono(opener(samples, size=16000), 60).is_clipped


def test_libsndfile_gives_the_same_in_blocks(front_end, monkeypatch):
    both = np.stack([buzz(1, 16000, 0), buzz(1, 16000, 1)], axis=1)
    data = encode(both, 16000, "FLAC")
    whole = SoundReader(front_end.sound).decode(data)
    monkeypatch.setattr("features.decoding.sound.SAMPLES_AT_ONCE", 1000)
    np.testing.assert_array_equal(SoundReader(front_end.sound).decode(data).samples, whole.samples)


@pytest.mark.parametrize(
    ("form", "subtype"), [("WAV", "GSM610"), ("WAV", "G721_32"), ("AU", "G721_32"), ("WAV", "NMS_ADPCM_32")]
)
def test_formats_without_seeking_are_read(front_end, form, subtype):
    file, rate = io.BytesIO(), 8000
    soundfile.write(file, buzz(1, rate, 0), rate, format=form, subtype=subtype)
    heard = SoundReader(front_end.sound)(file.getvalue())
    assert (heard.sample_rate, heard.channels) == (rate, 1)
    assert 1 <= heard.seconds <= 1.05


def test_an_unusable_sample_rate_is_refused(front_end):
    for rate in (1, 50, 99, 500):
        with pytest.raises(Rejected, match="undecodable"):
            SoundReader(front_end.sound)(encode(buzz(4, 1000, 0), rate, "WAV"))


def test_the_limit_in_the_settings_holds(front_end):
    data = encode(buzz(3, 16000, 0), 16000, "WAV")
    with pytest.raises(Rejected, match="too_long"):
        SoundReader(dataclasses.replace(front_end.sound, longest=2.9))(data)
    assert SoundReader(dataclasses.replace(front_end.sound, longest=3))(data).seconds == 3
