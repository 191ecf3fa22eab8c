"""Log-mel: agrees with torchaudio, and names settings that do not fit (also front_end.py, opening.py, __init__.py)."""

import numpy as np
import pytest
import torch
from torchaudio.transforms import MelSpectrogram

from features.front_end import FrontEnd, Reading
from features.front_ends.logmel import FLOOR, hertz_of, mel
from features.front_ends.opening import describe, open_front_end
from tests.conftest import buzz


def with_settings(front_end: FrontEnd, **settings) -> FrontEnd:
    return describe("logmel", front_end.sound, front_end.settings | settings)


@pytest.mark.parametrize("n_mels", [40, 64, 80])
def test_agrees_with_torchaudio(front_end, n_mels):
    front_end = with_settings(front_end, n_mels=n_mels)
    samples = buzz(3, 16000, 1).astype(np.float32)
    theirs = MelSpectrogram(
        16000,
        n_fft=512,
        win_length=400,
        hop_length=160,
        f_min=20,
        f_max=7600,
        n_mels=n_mels,
        center=False,
    )(torch.from_numpy(samples))
    theirs = theirs.clamp_min(FLOOR).log().T.numpy()
    ours = open_front_end(front_end)(samples)
    # torchaudio centres its window of 400 in frames of 512, so it needs 56 more samples on either side.
    shifted = open_front_end(front_end)(samples[56:])[: len(theirs)]
    assert ours.dtype == np.float32
    np.testing.assert_allclose(shifted, theirs, atol=1e-3)


@pytest.mark.parametrize("hertz", [200, 440, 1000, 3000, 6000])
def test_a_pure_tone_peaks_in_its_band(front_end, hertz):
    tone = np.sin(2 * np.pi * hertz * np.arange(16000) / 16000).astype(np.float32)
    loudest = open_front_end(front_end)(tone).mean(axis=0).argmax()
    centres = hertz_of(np.linspace(mel(20), mel(7600), 66))[1:-1]
    assert loudest == np.abs(centres - hertz).argmin()


def test_frames_are_counted_without_padding(front_end):
    assert open_front_end(front_end)(np.zeros(400, np.float32)).shape == (1, 64)
    assert open_front_end(front_end)(np.zeros(400 + 160 * 9 + 159, np.float32)).shape == (10, 64)


NARROW = {"n_mels": 64, "window": 0.001}  # steps of 1,000 Hz


@pytest.mark.parametrize(
    "wrong", [{"f_max": 9000}, {"f_min": 8000}, {"f_min": np.nan}, {"window": 0.6}, NARROW, {"bands": 3}]
)
def test_settings_that_do_not_fit_are_named(front_end, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        with_settings(front_end, **wrong)


def test_the_shortest_sound_is_not_longer_than_the_longest():
    with pytest.raises(ValueError, match="shortest is 61 s"):
        Reading(16000, trim=40, shortest=61, longest=60)


@pytest.mark.parametrize(("rate", "n_mels"), [(8000, 8), (16000, 64), (48000, 256)])
def test_all_allowed_settings_work(rate, n_mels):
    """Each piece of the bands holds a step of the spectrum, down to the shortest window allowed."""
    refused = 0
    for window in np.geomspace(0.001, 0.2, 60).tolist():
        for f_min in (0, 20, 1000, 3900):
            settings = {"n_mels": n_mels, "window": window, "hop": 0.010, "f_min": f_min, "f_max": 4000}
            try:
                made = describe("logmel", Reading(rate, trim=40, shortest=0.5, longest=60), settings)
            except ValueError:
                refused += 1
                continue
            assert np.isfinite(open_front_end(made)(np.ones(rate // 4, np.float32))).all()
    assert 0 < refused < 200
