import hashlib
import io
import math
import os
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import torchaudio
from scipy.signal import ShortTimeFFT
from torch import nn

from features.front_end import Reading
from features.front_ends.encoder import Encoder
from models.encoders.dvector import ABOUT, DVector, Mel, dvector_of, loud_enough, windows_of
from models.encoders.exported import write_encoder
from tests.conftest import buzz

READING = Reading(16000, trim=40, shortest=0.5, longest=60)

SECONDS = [0.01, 0.3, 1.6, 1.61, 4.03, 20]
WHEEL = os.environ.get("VOICE_AGE_WHEEL", "")


class Reference(nn.Module):
    """The network as the package writes it down (`VoiceEncoder.forward`)."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def forward(self, mels):
        _, (hidden, _) = self.lstm(mels)
        raw = torch.relu(self.linear(hidden[-1]))
        return raw / torch.norm(raw, dim=1, keepdim=True)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """Of the shapes of the package's, random; so large that the output depends on the input."""
    torch.manual_seed(0)
    network = Reference()
    for name, values in network.named_parameters():
        nn.init.normal_(values, std=0.5 if name == "lstm.weight_ih_l0" else 0.1)
    return network.state_dict() | {"similarity_weight": torch.ones(1), "similarity_bias": torch.zeros(1)}


@pytest.fixture(scope="module")
def encoder(weights) -> DVector:
    return dvector_of(weights)


@pytest.fixture(scope="module")
def exported(encoder, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "dvector.onnx"
    write_encoder(encoder, ABOUT, path)
    return path


def opened(path: Path) -> Encoder:
    return Encoder(READING, path, hashlib.sha256(path.read_bytes()).hexdigest())


def voice(seconds: float, seed: int = 0) -> torch.Tensor:
    """Shape: (1, samples)."""
    return torch.from_numpy(buzz(seconds, 16_000, seed).astype(np.float32))[None]


@pytest.mark.parametrize("seconds", SECONDS)
def test_onnx_runtime_agrees_with_torch(encoder, exported, seconds):
    samples = voice(seconds)
    with torch.inference_mode():
        expected = encoder(samples).numpy()
    assert (expected.std(axis=1) > 0.03).all()  # or agreement would mean nothing
    np.testing.assert_allclose(opened(exported).run(samples[0].numpy()), expected, atol=1e-4)


def test_windows_differ(encoder):
    samples = torch.cat([voice(4, seed=1), voice(4, seed=2)], dim=1)
    with torch.inference_mode():
        features = encoder(samples)
    assert (features[0] - features[-1]).abs().max() > 1e-2


@pytest.mark.parametrize(
    ("samples", "windows"), [(1, 1), (25_440, 1), (25_599, 1), (25_600, 2), (38_240, 2), (38_400, 3), (320_000, 25)]
)
def test_the_last_window_ends_with_the_clip(samples, windows):
    frames = Mel()(torch.ones(1, samples))
    assert len(frames) == max(160, 1 + samples // 160)
    cut = windows_of(torch.arange(len(frames), dtype=torch.float32)[:, None])[..., 0]
    assert cut.shape == (160, windows)
    assert cut[-1, -1] == len(frames) - 1
    assert (cut[0, :-1] == 80 * torch.arange(windows - 1)).all()
    assert (cut.diff(dim=0) == 1).all()


@pytest.mark.parametrize("seconds", [1.6, 4.03])
def test_the_mel_front_end_agrees_with_torchaudio(seconds):
    samples = voice(seconds)
    settings = {"power": 2, "center": True, "pad_mode": "constant", "norm": "slaney", "mel_scale": "slaney"}
    theirs = torchaudio.transforms.MelSpectrogram(16_000, n_fft=400, hop_length=160, n_mels=40, **settings)
    torch.testing.assert_close(Mel()(samples), theirs(samples)[0].T, rtol=1e-4, atol=1e-9)


def test_the_spectrum_agrees_with_scipy():
    samples, mel = voice(2), Mel()
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    spectra = ShortTimeFFT(hann, 160, 16_000).spectrogram(samples[0].double().numpy(), p0=0, p1=201)
    theirs = spectra.T @ mel.bands.double().numpy()
    np.testing.assert_allclose(mel(samples).numpy(), theirs, rtol=1e-4, atol=1e-9)


def test_a_tone_peaks_in_its_band():
    time = torch.arange(32_000) / 16_000
    for hertz in (300, 1000, 4000):
        bands = Mel()(torch.sin(2 * math.pi * hertz * time)[None]).mean(dim=0)
        mel = 3 * hertz / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)
        step = (15 + 27 * math.log(8) / math.log(6.4)) / 41
        assert abs(bands.argmax() - (mel / step - 1)) <= 0.6


def test_the_network_agrees_with_the_packages(encoder, weights):
    reference = Reference()
    reference.load_state_dict({name: each for name, each in weights.items() if "similarity" not in name})
    windows = windows_of(Mel()(voice(5)))
    with torch.inference_mode():
        torch.testing.assert_close(encoder.embed(windows), reference(windows.transpose(0, 1)), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("peak", "level"), [(0.001, -30), (0.01, -30), (0.5, 20 * math.log10(0.5 / math.sqrt(2)))])
def test_a_quiet_clip_is_brought_up_and_a_loud_one_is_not(peak, level):
    tone = peak * torch.sin(2 * math.pi * 200 * torch.arange(16_000) / 16_000)[None]
    assert 20 * torch.log10(loud_enough(tone).square().mean().sqrt()) == pytest.approx(level, abs=1e-3)


def test_a_short_clip_is_followed_by_silence(encoder):
    short = voice(0.7)
    whole = torch.cat([loud_enough(short), torch.zeros(1, 25_440 - short.shape[1])], dim=1)
    with torch.inference_mode():
        torch.testing.assert_close(encoder(short), encoder.embed(windows_of(encoder.mel(whole))))


@pytest.mark.parametrize("samples", [np.zeros(30_000), np.full(30_000, 2.0**31), np.full(30_000, 1e-30)])
def test_whatever_the_loudness_the_numbers_are_finite(exported, samples):
    assert np.isfinite(opened(exported)(samples)).all()


def test_the_file_is_the_same_on_every_run(encoder, exported, tmp_path):
    write_encoder(encoder, ABOUT, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == exported.read_bytes()
    assert list(tmp_path.iterdir()) == [tmp_path / "again.onnx"]


def test_the_file_says_what_it_is(exported):
    onnx.checker.check_model(exported, full_check=True)
    said = {each.key: each.value for each in onnx.load(exported).metadata_props}
    assert said == {
        "name": "dvector",
        "hop": "0.8",
        "width": "1.6",
        "licence": "Apache-2.0",
        "source": "PyPI wheel Resemblyzer 0.1.4",
    }
    encoder = opened(exported)
    assert (encoder.values, encoder.hop, encoder.width) == (256, 0.8, 1.6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"linear.bias": None}, r"linear\.bias is missing, not of shape \(256,\)"),
        ({"linear.bias": torch.zeros(3)}, r"linear\.bias is of shape \(3,\), not of shape \(256,\)"),
    ],
)
def test_other_weights_are_refused(weights, change, said):
    with pytest.raises(ValueError, match=said):
        dvector_of(weights | change)


# What the package itself gives (Resemblyzer 0.1.4, librosa 0.11, torch 2.11) for this sound, 0.05 of a buzz of 38,240
# samples: normalize_volume(…, -30, increase_only=True), then embed_utterance(…, return_partials=True, rate=1.25).
LARGEST = [49, 131, 180, 189, 224, 253]  # of the first window
PACKAGE = [
    [0.20580, 0.22617, 0.17812, 0.24342, 0.22528, 0.18345],
    [0.19750, 0.18927, 0.16818, 0.25449, 0.22894, 0.20026],
]
SUMS = [9.54216, 9.41432]


@pytest.mark.skipif(not WHEEL, reason="VOICE_AGE_WHEEL does not name the wheel")
def test_the_real_weights_give_what_the_package_gives(tmp_path):
    with zipfile.ZipFile(WHEEL) as wheel:
        file = io.BytesIO(wheel.read("resemblyzer/pretrained.pt"))
    pretrained = torch.load(file, map_location="cpu", weights_only=True)
    write_encoder(dvector_of(pretrained["model_state"]), ABOUT, tmp_path / "dvector.onnx")
    features = opened(tmp_path / "dvector.onnx").run(0.05 * voice(2.39, seed=7)[0].numpy())
    np.testing.assert_allclose(features[:, LARGEST], PACKAGE, atol=1e-4)
    np.testing.assert_allclose(features.sum(axis=1), SUMS, atol=1e-3)
