"""Log-mel: from sound to the natural logarithm of its energy in mel bands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft

from features.front_end import STRICT, Reading

# Energy; above what 16-bit quantisation leaves in a band, so that digital silence does not give away its source.
FLOOR = 1e-6

FRAMES_AT_ONCE = 64  # few enough for their spectra to stay in the cache
PIECES = 4  # that the matrix of mel bands is cut into


@dataclass(frozen=True)
class LogMelSettings:
    n_mels: Annotated[int, Ge(8), Le(256)]
    window: Annotated[float, Ge(0.001), Le(1)]  # s
    hop: Annotated[float, Ge(0.001), Le(1)]  # s
    f_min: Annotated[float, Ge(0)]  # Hz
    f_max: Annotated[float, Gt(0)]  # Hz

    __pydantic_config__: ClassVar[dict] = STRICT


def check_settings(settings: LogMelSettings, sound: Reading) -> None:
    """Raises ValueError for settings that do not fit each other, or the sound."""
    rate = sound.sample_rate
    if not settings.f_min < settings.f_max <= rate / 2:
        raise ValueError(
            f"f_min and f_max are {settings.f_min} and {settings.f_max} Hz: "
            f"they must satisfy f_min < f_max <= {rate / 2} Hz, half the sample rate"
        )
    if sound.shortest < settings.window:
        raise ValueError(f"window is {settings.window} s: it must be at most sound.shortest, {sound.shortest} s")
    bin_width = rate / next_power_of_two(round(settings.window * rate))
    if not narrowest_piece(settings) > bin_width:
        raise ValueError(
            f"n_mels is {settings.n_mels}: a window of {settings.window} s is too short to tell that many bands "
            f"apart: its spectrum has steps of {bin_width:g} Hz"
        )


class LogMel:
    """Callable that turns samples into log-mel frames, as `torchaudio.transforms.MelSpectrogram` defines them
    (periodic Hann window, power spectrum, HTK mel scale, no padding at the ends, `n_fft` the next power of two).
    """

    Settings = LogMelSettings
    check = staticmethod(check_settings)

    def __init__(self, sound: Reading, **settings: float):
        """Raises ValueError for settings that do not fit each other, or the sound."""
        self.settings, rate = LogMelSettings(**settings), sound.sample_rate
        check_settings(self.settings, sound)
        self.values, self.hop = self.settings.n_mels, self.settings.hop
        self.width, self.step = round(self.settings.window * rate), round(self.hop * rate)  # samples
        turns = np.arange(self.width) / self.width
        self.window = (0.5 - 0.5 * np.cos(2 * np.pi * turns)).astype(np.float32)
        n_fft = next_power_of_two(self.width)
        self.windowed = np.zeros((FRAMES_AT_ONCE, n_fft), np.float32)
        self.pieces = list(pieces_of(mel_bands(n_fft, rate, self.settings)))

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Log-mel energies.

        Shape: (samples,) float32 → (frames, n_mels) float32, frames = 1 + (samples - window) // hop.
        """
        frames = sliding_window_view(np.asarray(samples, np.float32), self.width)[:: self.step]
        energies = np.empty((len(frames), self.values), np.float32)
        for start in range(0, len(frames), FRAMES_AT_ONCE):
            some = frames[start : start + FRAMES_AT_ONCE]
            windowed = self.windowed[: len(some)]
            np.multiply(some, self.window, out=windowed[:, : self.width])
            parts = rfft(windowed).view(np.float32)
            np.square(parts, out=parts)
            for rows, columns, weights in self.pieces:
                np.matmul(parts[:, rows], weights, out=energies[start : start + len(some), columns])
        return np.log(np.maximum(energies, FLOOR, out=energies), out=energies)


def narrowest_piece(settings: LogMelSettings) -> float:
    """The width in Hz of the lowest of the PIECES that `pieces_of` cuts the mel bands into."""
    low, high = mel(settings.f_min), mel(settings.f_max)
    step = (high - low) / (settings.n_mels + 1)
    return hertz_of(low + (settings.n_mels // PIECES + 1) * step) - settings.f_min


def next_power_of_two(number: int) -> int:
    """The smallest power of two that is not below it."""
    return 1 << (number - 1).bit_length()


def mel_bands(n_fft: int, rate: int, settings: LogMelSettings) -> np.ndarray:
    """Triangles that overlap by half, evenly spaced on the mel scale, each of height one.

    Shape: (n_fft // 2 + 1, n_mels) float32.
    """
    hertz = np.arange(n_fft // 2 + 1) * rate / n_fft
    low, high = mel(settings.f_min), mel(settings.f_max)
    edges = hertz_of(np.linspace(low, high, settings.n_mels + 2))
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
