import io

import numpy as np
import pytest
import soundfile

from features.decoding.clipping import is_clipped
from tests.conftest import buzz

RATE = 8000


def stored(samples: np.ndarray, subtype: str) -> np.ndarray:
    """The samples after a round trip through a WAV of this subtype; 16 bits limited to ±32767, as by most encoders."""
    file = io.BytesIO()
    samples = np.int16(32767 * samples) if subtype == "PCM_16" else samples
    soundfile.write(file, samples, RATE, format="WAV", subtype=subtype)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def voice(seed: int) -> np.ndarray:
    """Harmonics that swell, with a peak of 1."""
    seconds = np.arange(2 * RATE) / RATE
    sound = buzz(2, RATE, seed) * (0.1 + np.sin(np.pi * 4 * seconds) ** 2)
    return sound / np.abs(sound).max()


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_U8", "ULAW", "ALAW", "FLOAT"])
def test_flat_tops_are_found_in_any_coding_and_at_any_level(subtype):
    for seed in range(5):
        for level in (1, 0.9, 0.2) if subtype in ("PCM_16", "FLOAT") else (1, 0.9):
            assert is_clipped(stored(level * np.clip(3 * voice(seed), -1, 1), subtype))
            assert not is_clipped(stored(level * 0.99 * voice(seed), subtype))


@pytest.mark.parametrize("side", [1, -1])
def test_one_side_is_enough(side):
    assert is_clipped(stored(side * np.minimum(voice(0), 0.4), "PCM_16"))


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_U8", "ULAW"])
def test_rounded_tops_are_not_flat(subtype):
    for hertz in (50, 120, 440):
        assert not is_clipped(stored(0.7 * np.sin(2 * np.pi * hertz * np.arange(2 * RATE) / RATE), subtype))


def test_beyond_full_scale_counts_without_flat_tops():
    loud = np.float32(1.5 * voice(0))
    assert is_clipped(loud)
    loud[np.abs(loud) > 1] = 0
    assert not is_clipped(loud)


@pytest.mark.parametrize(
    "samples", [np.zeros(0), np.zeros(10), np.zeros(8000), np.full(8000, 0.3), np.full(8000, np.nan)]
)
def test_what_has_no_tops_is_not_clipped(samples):
    assert not is_clipped(np.float32(samples))
