"""D-vector: embeddings from a network trained to tell speakers apart, with its mel front-end, as one module.

The network is the GE2E encoder (Wan et al. 2018, arXiv:1710.10467) as the package Resemblyzer 0.1.4 defines it, and so
is the front-end: librosa's `melspectrogram` with its defaults, not its logarithm. The windows are ours: every 0.8 s,
and a last one that ends where the clip ends, so that all of it is heard. Silence inside a clip is kept.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.encoders.windows import missing_from, window_starts

RATE = 16_000  # Hz
N_FFT, HOP, N_MELS = 400, 160, 40  # samples, samples, bands
WINDOW, STEP = 160, 80  # frames of the mel front-end, and from one window to the next
SHORTEST = (WINDOW - 1) * HOP  # samples that give a window
LOUDNESS = 10 ** (-30 / 20)  # root mean square of -30 dB full scale
SILENCE = 1e-20  # mean square; digital silence is not divided by 0
HIDDEN, LAYERS, VALUES = 256, 3, 256
ABOUT = {
    "name": "dvector",
    "hop": str(STEP * HOP / RATE),  # s
    "width": str(WINDOW * HOP / RATE),  # s
    "licence": "Apache-2.0",
    "source": "PyPI wheel Resemblyzer 0.1.4",
}


class DVector(nn.Module):
    """Samples at 16 kHz to a d-vector a window, of length one.

    Shape: (1, samples) float32 → (windows, 256) float32, windows = 1 + ceil((frames - 160) / 80) of the frames that
    the mel front-end gives. A clip too short for a window is followed by silence, as in the package.
    """

    def __init__(self):
        super().__init__()
        self.mel = Mel()
        self.lstm = nn.LSTM(N_MELS, HIDDEN, LAYERS)
        self.linear = nn.Linear(HIDDEN, VALUES)

    def forward(self, samples: Tensor) -> Tensor:
        return self.embed(windows_of(self.mel(loud_enough(samples))))

    def embed(self, windows: Tensor) -> Tensor:
        """Shape: (160, windows, 40) → (windows, 256)."""
        outputs, _ = self.lstm(windows)  # (160, windows, 256)
        return functional.normalize(functional.relu(self.linear(outputs[-1])), dim=1)


class Mel(nn.Module):
    """Energies in mel bands: frames of 25 ms, 10 ms apart, the first and the last centred on the ends of the clip.

    Shape: (1, samples) → (frames, 40), frames = 1 + samples // 160, and 160 or more.
    """

    def __init__(self):
        super().__init__()
        self.register_buffer("basis", torch.from_numpy(fourier_basis())[:, None], persistent=False)
        self.register_buffer("bands", torch.from_numpy(slaney_bands()), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """The Fourier transform is a convolution with a fixed basis, so that the export needs no other operator."""
        padded = functional.pad(samples, (N_FFT // 2, N_FFT // 2 + missing_from(samples, SHORTEST)))
        parts = functional.conv1d(padded[:, None], self.basis, stride=HOP)[0]  # (402, frames)
        real, imaginary = parts.square().chunk(2)  # (201, frames)
        return (real + imaginary).T @ self.bands


def loud_enough(samples: Tensor) -> Tensor:
    """Brought up to -30 dB full scale; what is louder stays as it is. Shape: (1, samples)."""
    energy = samples.square().mean().clamp(min=SILENCE)
    return samples * (LOUDNESS / energy.sqrt()).clamp(min=1)


def windows_of(frames: Tensor) -> Tensor:
    """Shape: (frames, 40) → (160, windows, 40)."""
    return frames[torch.arange(WINDOW)[:, None] + window_starts(frames.shape[0], WINDOW, STEP)]


def fourier_basis() -> np.ndarray:
    """The cosines of all bins, then their sines, under a periodic Hann window. Shape: (402, 400) float32.

    From a table of one turn, so that bins far up are as exact as the first.
    """
    turn = 2 * np.pi * np.arange(N_FFT) / N_FFT
    steps = np.outer(np.arange(N_FFT // 2 + 1), np.arange(N_FFT)) % N_FFT
    hann = 0.5 - 0.5 * np.cos(turn)
    return (np.concatenate([np.cos(turn)[steps], np.sin(turn)[steps]]) * hann).astype(np.float32)


def slaney_bands() -> np.ndarray:
    """Triangles evenly spaced on Slaney's mel scale from 0 Hz to 8 kHz, each of area one. Shape: (201, 40) float32."""
    hertz = np.arange(N_FFT // 2 + 1) * RATE / N_FFT
    edges = slaney_hertz(np.linspace(0, slaney_mel(RATE / 2), N_MELS + 2))
    rising = (hertz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hertz[:, None]) / np.diff(edges)[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (edges[2:] - edges[:-2])).astype(np.float32)


KNEE = 15.0  # mel at 1 kHz, where Slaney's scale turns from linear to logarithmic (Auditory Toolbox, 1998)
PER_MEL = 200 / 3  # Hz, below the knee
GROWTH = np.log(6.4) / 27  # per mel, above it


def slaney_mel(hertz: float) -> float:
    """Of a frequency above 1 kHz."""
    return KNEE + np.log(hertz / (KNEE * PER_MEL)) / GROWTH


def slaney_hertz(mels: np.ndarray) -> np.ndarray:
    """The inverse of Slaney's mel scale."""
    above = KNEE * PER_MEL * np.exp(GROWTH * np.maximum(mels - KNEE, 0))
    return np.where(mels < KNEE, PER_MEL * mels, above)


def dvector_of(weights: dict[str, Tensor]) -> DVector:
    """A d-vector encoder with the weights of the package. Raises ValueError, in one line, for any others."""
    encoder = DVector().eval()
    wanted = encoder.state_dict()
    for name, own in wanted.items():
        found = weights.get(name)
        if not isinstance(found, Tensor) or found.shape != own.shape:
            shape = f"of shape {tuple(found.shape)}" if isinstance(found, Tensor) else "missing"
            raise ValueError(f"{name} is {shape}, not of shape {tuple(own.shape)}")
    encoder.load_state_dict({name: weights[name] for name in wanted})
    return encoder
