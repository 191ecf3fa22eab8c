"""Log-mel: from sound to the natural logarithm of its energy in mel bands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft

# Energy; above what 16-bit quantisation leaves in a band, so that digital silence does not give away its source.
FLOOR = 1e-6

FRAMES_AT_ONCE = 64  # few enough for their spectra to stay in the cache
PIECES = 4  # that the matrix of mel bands is cut into


@dataclass(frozen=True)
class FrontEnd:
    """The settings that turn a sound file into features."""

    sample_rate: Annotated[int, Ge(8000), Le(48000)]  # Hz
    n_mels: Annotated[int, Ge(8), Le(256)]
    window: Annotated[float, Ge(0.001), Le(1)]  # s
    hop: Annotated[float, Ge(0.001), Le(1)]  # s
    f_min: Annotated[float, Ge(0)]  # Hz
    f_max: Annotated[float, Gt(0)]  # Hz
    trim: Annotated[float, Gt(0), Le(200)]  # dB below the loudest moment
    shortest: Annotated[float, Gt(0)]  # s, after trimming
    longest: Annotated[float, Gt(0), Le(3600)]  # s, before trimming

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid", "strict": True, "allow_inf_nan": False}

    def __post_init__(self):
        if not self.f_min < self.f_max <= self.sample_rate / 2:
            raise ValueError(
                f"f_min and f_max are {self.f_min} and {self.f_max} Hz: "
                f"they must satisfy f_min < f_max <= {self.sample_rate / 2} Hz, half the sample rate"
            )
        if self.shortest < self.window:
            raise ValueError(f"shortest is {self.shortest} s: it must be at least a window, {self.window} s")
        if self.shortest > self.longest:
            raise ValueError(f"shortest is {self.shortest} s: it must be at most longest, {self.longest} s")
        bin_width = self.sample_rate / self.n_fft
        if not self.narrowest_piece() > bin_width:
            raise ValueError(
                f"n_mels is {self.n_mels}: a window of {self.window} s is too short to tell that many bands apart: "
                f"its spectrum has steps of {bin_width:g} Hz"
            )

    def narrowest_piece(self) -> float:
        """The width in Hz of the lowest of the PIECES that `pieces_of` cuts the mel bands into."""
        low, high = mel(self.f_min), mel(self.f_max)
        step = (high - low) / (self.n_mels + 1)
        return hertz_of(low + (self.n_mels // PIECES + 1) * step) - self.f_min

    @property
    def window_samples(self) -> int:
        return round(self.window * self.sample_rate)

    @property
    def hop_samples(self) -> int:
        return round(self.hop * self.sample_rate)

    @property
    def n_fft(self) -> int:
        """Samples per spectrum: the smallest power of two that holds a window."""
        return 1 << (self.window_samples - 1).bit_length()


class LogMel:
    """Callable that turns samples into log-mel frames, as `torchaudio.transforms.MelSpectrogram` defines them
    (periodic Hann window, power spectrum, HTK mel scale, no padding at the ends, `n_fft` the next power of two).
    """

    def __init__(self, front_end: FrontEnd):
        self.hop = front_end.hop_samples
        self.width = front_end.window_samples
        n_fft = front_end.n_fft
        turns = np.arange(self.width) / self.width
        self.window = (0.5 - 0.5 * np.cos(2 * np.pi * turns)).astype(np.float32)
        self.windowed = np.zeros((FRAMES_AT_ONCE, n_fft), np.float32)
        self.n_mels = front_end.n_mels
        self.pieces = list(pieces_of(mel_bands(n_fft, front_end)))

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Log-mel energies.

        Shape: (samples,) float32 → (frames, n_mels) float32, frames = 1 + (samples - window) // hop.
        """
        frames = sliding_window_view(np.asarray(samples, np.float32), self.width)[:: self.hop]
        energies = np.empty((len(frames), self.n_mels), np.float32)
        for start in range(0, len(frames), FRAMES_AT_ONCE):
            some = frames[start : start + FRAMES_AT_ONCE]
            windowed = self.windowed[: len(some)]
            np.multiply(some, self.window, out=windowed[:, : self.width])
            parts = rfft(windowed).view(np.float32)
            np.square(parts, out=parts)
            for rows, columns, weights in self.pieces:
                np.matmul(parts[:, rows], weights, out=energies[start : start + len(some), columns])
        return np.log(np.maximum(energies, FLOOR, out=energies), out=energies)


def mel_bands(n_fft: int, front_end: FrontEnd) -> np.ndarray:
    """Triangles that overlap by half, evenly spaced on the mel scale, each of height one.

    Shape: (n_fft // 2 + 1, n_mels) float32.
    """
    hertz = np.arange(n_fft // 2 + 1) * front_end.sample_rate / n_fft
    low, high = mel(front_end.f_min), mel(front_end.f_max)
    edges = hertz_of(np.linspace(low, high, front_end.n_mels + 2))
    rising = (hertz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hertz[:, None]) / np.diff(edges)[1:]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def pieces_of(bands: np.ndarray) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Cut a matrix of bands into runs of neighbouring bands, each with only the bins it covers: most of the matrix is
    zeros.

    Yields rows (two per bin, for the squares of the real and imaginary parts), columns, and weights.
    """
    for columns in np.array_split(np.arange(bands.shape[1]), PIECES):
        bins = np.flatnonzero(bands[:, columns].any(axis=1))
        low, high = bins[0], bins[-1] + 1
        yield (
            slice(2 * low, 2 * high),
            slice(columns[0], columns[-1] + 1),
            np.repeat(bands[low:high, columns], 2, axis=0),
        )


def mel(hertz: float) -> float:
    """The mel scale of HTK: 2595 log10(1 + f / 700) (O'Shaughnessy 1987; The HTK Book, eq. 5.13)."""
    return 2595 * np.log10(1 + hertz / 700)


def hertz_of(mels: np.ndarray | float) -> np.ndarray | float:
    """The inverse of `mel`."""
    return 700 * (10 ** (mels / 2595) - 1)
