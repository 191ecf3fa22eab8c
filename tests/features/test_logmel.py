import dataclasses

import numpy as np
import pytest
import torch
from torchaudio.transforms import MelSpectrogram

from features.logmel import FLOOR, LogMel, hertz_of, mel
from tests.conftest import buzz


@pytest.mark.parametrize("n_mels", [40, 64, 80])
def test_agrees_with_torchaudio(front_end, n_mels):
    front_end = dataclasses.replace(front_end, n_mels=n_mels)
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
    ours = LogMel(front_end)(samples)
    # torchaudio centres its window of 400 in frames of 512, so it needs 56 more samples on either side.
    shifted = LogMel(front_end)(samples[56:])[: len(theirs)]
    assert ours.dtype == np.float32
    np.testing.assert_allclose(shifted, theirs, atol=1e-3)


@pytest.mark.parametrize("hertz", [200, 440, 1000, 3000, 6000])
def test_a_pure_tone_peaks_in_its_band(front_end, hertz):
    tone = np.sin(2 * np.pi * hertz * np.arange(16000) / 16000).astype(np.float32)
    loudest = LogMel(front_end)(tone).mean(axis=0).argmax()
    centres = hertz_of(np.linspace(mel(20), mel(7600), 66))[1:-1]
    assert loudest == np.abs(centres - hertz).argmin()


def test_frames_are_counted_without_padding(front_end):
    assert LogMel(front_end)(np.zeros(400, np.float32)).shape == (1, 64)
    assert LogMel(front_end)(np.zeros(400 + 160 * 9 + 159, np.float32)).shape == (10, 64)


NARROW = {"n_mels": 64, "window": 0.001}  # steps of 1,000 Hz


@pytest.mark.parametrize(
    "wrong",
    [{"f_max": 9000}, {"f_min": 8000}, {"f_min": np.nan}, {"shortest": 0.01}, {"shortest": 61}, NARROW],
)
def test_settings_that_do_not_fit_are_named(front_end, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        dataclasses.replace(front_end, **wrong)


@pytest.mark.parametrize(("rate", "n_mels"), [(8000, 8), (16000, 64), (48000, 256)])
def test_all_allowed_settings_work(front_end, rate, n_mels):
    """Each piece of the bands holds a step of the spectrum, down to the shortest window allowed."""
    refused = 0
    for window in np.geomspace(0.001, 0.2, 60).tolist():
        for f_min in (0, 20, 1000, 3900):
            wanted = {"sample_rate": rate, "n_mels": n_mels, "window": window, "f_min": f_min, "f_max": 4000}
            try:
                made = dataclasses.replace(front_end, **wanted)
            except ValueError:
                refused += 1
                continue
            assert np.isfinite(LogMel(made)(np.ones(rate // 4, np.float32))).all()
    assert 0 < refused < 200
