"""Sound: a sound file's bytes to trimmed mono samples at one rate."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

from features.clipping import is_clipped
from features.logmel import FrontEnd
from features.mp3 import is_truncated

SILENT = -60.0  # dB re full scale; a recording whose loudest 10 ms stay below holds no voice
MARGIN = 5  # blocks of 10 ms kept on either side of what is not silence


class Rejected(Exception):  # noqa: N818 - an outcome, not an error
    """A clip that gives no features.

    `reason` is one of empty, undecodable, too_long, silent, too_short; `detail` says more.
    """

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Sound:
    samples: np.ndarray  # (samples,) float32, mono, trimmed, at the front-end's rate
    seconds: float  # of the source, before trimming
    sample_rate: int  # Hz, of the source
    channels: int  # of the source
    loudness: float  # dB re full scale, root mean square after trimming
    flags: str  # of truncated and clipped, those that apply, with a space between


class SoundReader:
    """Callable that decodes a sound file's bytes, mixes down, trims and resamples."""

    def __init__(self, front_end: FrontEnd):
        self.front_end = front_end
        self.memory = io.FileIO(os.memfd_create("sound"), "r+") if hasattr(os, "memfd_create") else None

    def __call__(self, data: bytes) -> Sound:
        """Raises Rejected for what is no usable clip."""
        source, rate = self.decode(data)
        mono = source[:, 0] if source.shape[1] == 1 else source.mean(axis=1)
        trimmed, loudness = trim(mono, rate, self.front_end.trim)
        seconds = len(trimmed) / rate
        if seconds < self.front_end.shortest:
            raise Rejected("too_short", f"{seconds:.2f} s of sound")
        flags = {"truncated": is_truncated(data), "clipped": is_clipped(trimmed)}
        return Sound(
            samples=soxr.resample(trimmed, rate, self.front_end.sample_rate),
            seconds=len(mono) / rate,
            sample_rate=rate,
            channels=source.shape[1],
            loudness=loudness,
            flags=" ".join(flag for flag, applies in flags.items() if applies),
        )

    def decode(self, data: bytes) -> tuple[np.ndarray, int]:
        """Samples of shape (samples, channels), float32, full scale ±1, and their rate in Hz. Raises Rejected."""
        if not data:
            raise Rejected("empty")
        try:
            with self.opened(data) as file:
                if file.frames > self.front_end.longest * file.samplerate:
                    raise Rejected("too_long", f"{file.frames / file.samplerate:.0f} s")
                samples = file.read(dtype="float32", always_2d=True)
                rate = file.samplerate
        except soundfile.LibsndfileError as error:
            raise Rejected("undecodable", error.error_string) from None
        if not len(samples):
            raise Rejected("undecodable", "no samples")
        return samples, rate

    def opened(self, data: bytes) -> soundfile.SoundFile:
        """Open sound from memory.

        Where the system has them, through a memory file: libsndfile then reads by itself, not through Python
        callbacks. One for all clips: fresh pages for each would cost 3 % of the time that decoding takes.
        """
        if self.memory is None:
            return soundfile.SoundFile(io.BytesIO(data))
        self.memory.seek(0)
        self.memory.write(data)
        self.memory.truncate()
        self.memory.seek(0)
        return soundfile.SoundFile(self.memory.fileno(), closefd=False)


def trim(samples: np.ndarray, rate: int, below: float) -> tuple[np.ndarray, float]:
    """Cut leading and trailing sound that lies `below` dB under the loudest 10 ms; returns what is left, and its
    loudness. Raises Rejected if all is silent.

    Shape: (samples,) → (fewer samples,); loudness in dB re full scale (root mean square).
    """
    size = rate // 100
    blocks = samples[: len(samples) // size * size].reshape(-1, size)
    if not len(blocks):
        raise Rejected("too_short", f"{len(samples) / rate:.3f} s of sound")
    energies = np.vecdot(blocks, blocks) / size
    loudest = energies.max()
    if not np.isfinite(loudest):
        raise Rejected("undecodable", "samples that are no numbers")
    if loudest < 10 ** (SILENT / 10):
        raise Rejected("silent", f"loudest 10 ms at {10 * np.log10(loudest + 1e-20):.0f} dB")
    heard = np.flatnonzero(energies >= loudest * 10 ** (-below / 10))
    first, end = max(0, heard[0] - MARGIN), heard[-1] + 1 + MARGIN
    return samples[first * size : end * size], float(10 * np.log10(energies[first:end].mean()))


@contextmanager
def quiet_decoder() -> Iterator[None]:
    """Send what the decoder's C code writes to standard error to nowhere."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
