"""Sound: from a sound file's bytes to trimmed mono samples at one rate."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import soundfile
import soxr

from features.decoding.clipping import is_clipped
from features.decoding.container import BY_FFMPEG, container_of
from features.decoding.mono import SAMPLES_AT_ONCE, Mono, SoundStream, read_mono
from features.decoding.rejected import Rejected
from features.decoding.truncation import is_truncated
from features.front_end import Reading

SILENT = -60.0  # dB re full scale; a recording whose loudest 10 ms stay below this has no voice in it
LOUDEST = 2.0**31  # the peak of 32-bit integers stored as floats without scaling
MARGIN = 5  # blocks of 10 ms of silence kept on either side


@dataclass(frozen=True)
class Sound:
    samples: np.ndarray  # (samples,) float32, mono, trimmed, at the front-end's rate
    seconds: float  # of the source, before trimming
    sample_rate: int  # Hz, of the source
    channels: int  # of the source
    loudness: float  # dB re full scale, root mean square after trimming
    flags: str  # those of truncated and clipped that apply, separated by a space


class SoundReader:
    """Callable that decodes a sound file's bytes, mixes them down, trims and resamples."""

    def __init__(self, reading: Reading):
        self.reading = reading
        self.memory = io.FileIO(os.memfd_create("sound"), "r+") if hasattr(os, "memfd_create") else None

    @np.errstate(over="ignore", invalid="ignore")  # from samples that are not numbers, which `trim` refuses
    def __call__(self, data: bytes) -> Sound:
        """Raises Rejected if the clip cannot be used."""
        mono = self.decode(data)
        begin, end, loudness = trim(mono.samples, mono.rate, self.reading.trim)
        seconds = (end - begin) / mono.rate
        if seconds < self.reading.shortest:
            raise Rejected("too_short", f"{seconds:.2f} s of sound")
        used = mono.samples[begin:end]
        flags = {
            "truncated": not self.is_cropped(mono) and is_truncated(data, len(mono.samples)),
            "clipped": mono.is_clipped or is_clipped(used),
        }
        return Sound(
            samples=soxr.resample(used, mono.rate, self.reading.sample_rate),
            seconds=len(mono.samples) / mono.rate,
            sample_rate=mono.rate,
            channels=mono.channels,
            loudness=loudness,
            flags=" ".join(flag for flag, applies in flags.items() if applies),
        )

    def is_cropped(self, mono: Mono) -> bool:
        return self.reading.too_long == "crop" and len(mono.samples) >= int(self.reading.longest * mono.rate)

    def decode(self, data: bytes) -> Mono:
        """The whole sound, decoded by libsndfile, or by FFmpeg if libsndfile refuses it. Raises Rejected."""
        if not data:
            raise Rejected("empty")
        for opener in self.openers(data):
            try:
                return read_mono(opener, self.reading.longest, self.reading.too_long == "crop")
            except (Rejected, MemoryError, OSError):  # the last two are the machine's fault
                raise
            except Exception as error:  # damaged bytes can raise anything
                why = getattr(error, "error_string", str(error))
        raise Rejected("undecodable", why)

    def openers(self, data: bytes) -> Iterator[Callable[[], AbstractContextManager[SoundStream]]]:
        yield partial(self.open_libsndfile, data)
        form = container_of(data)
        if form in BY_FFMPEG:
            from features.decoding.ffmpeg import open_ffmpeg  # not at the top: few clips need it, and it takes 17 MB

            yield partial(open_ffmpeg, data, form)

    @contextmanager
    def open_libsndfile(self, data: bytes) -> Iterator[SoundStream]:
        with self.opened(data) as file:
            yield SoundStream(file.samplerate, file.channels, file.frames, in_blocks(file))

    def opened(self, data: bytes) -> soundfile.SoundFile:
        """Open a sound from memory.

        If the system has memory files, libsndfile reads from one by itself, without Python callbacks. All clips share
        one: fresh pages for each would cost 3 % of decoding time.
        """
        if self.memory is None:
            return soundfile.SoundFile(io.BytesIO(data))
        self.memory.seek(0)
        self.memory.write(data)
        self.memory.truncate()
        self.memory.seek(0)
        return soundfile.SoundFile(self.memory.fileno(), closefd=False)


def in_blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """Read in one piece if it is small enough: libsndfile seeks between pieces, and MP3s then decode differently."""
    size = SAMPLES_AT_ONCE // file.channels
    block = file.read(size, dtype="float32", always_2d=True)
    yield block
    while len(block) == size:
        block = file.read(size, dtype="float32", always_2d=True)
        yield block


def trim(samples: np.ndarray, rate: int, below: float) -> tuple[int, int, float]:
    """Where the sound begins and ends once blocks of 10 ms that are `below` dB under the loudest are trimmed from both
    ends, and how loud it is. Raises Rejected if everything is silent.

    A constant offset is ignored if it alone would reach that threshold; a smaller one changes nothing.
    Shape: (samples,); loudness in dB re full scale (root mean square).
    """
    size = rate // 100
    blocks = samples[: len(samples) // size * size].reshape(-1, size)
    if not len(blocks):
        raise Rejected("too_short", f"{len(samples) / rate:.3f} s of sound")
    threshold = 10 ** (-below / 10)
    energies, rest = np.vecdot(blocks, blocks) / size, samples[blocks.size :]
    loudest = energies.max()
    if not loudest + np.vecdot(rest, rest) <= LOUDEST**2:  # also catches NaN
        raise Rejected("undecodable", "samples that are not valid numbers")
    quarter = blocks[len(blocks) // 4 : len(blocks) // 2 + 1]  # enough to rule out an offset in most sounds
    if all(offset_of(some) ** 2 >= loudest * threshold for some in (quarter, blocks)):
        blocks = blocks - offset_of(blocks)
        energies = np.vecdot(blocks, blocks) / size
        loudest = energies.max()
    if loudest < 10 ** (SILENT / 10):
        raise Rejected("silent", f"loudest 10 ms at {10 * np.log10(loudest + 1e-20):.0f} dB")
    heard = np.flatnonzero(energies >= loudest * threshold)
    first, end = max(0, heard[0] - MARGIN), heard[-1] + 1 + MARGIN
    return first * size, min(end * size, len(samples)), float(10 * np.log10(energies[first:end].mean()))


def offset_of(blocks: np.ndarray) -> float:
    """A constant offset. Shape: (blocks, samples)."""
    means = np.sort(blocks @ np.full(blocks.shape[1], 1 / blocks.shape[1], np.float32))
    return min(means.mean(), means[len(means) // 2], key=abs)  # a thump shifts the mean, a hum the median


@contextmanager
def quiet_decoder() -> Iterator[None]:
    """Discard what the decoder's C code writes to standard error."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
