"""Mono: a decoder's blocks mixed down to one channel, with limits on size."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from features.decoding.clipping import is_clipped
from features.decoding.rejected import Rejected

SLOWEST, FASTEST = 1000, 384_000  # Hz
WIDEST = 1_000_000  # samples a second over all channels; eight channels at 96 kHz have 768,000
SAMPLES_AT_ONCE = 1 << 23  # decoded at once, over all channels; a minute of stereo at 48 kHz has 5.8 million
BELIEVABLE = 86_400  # s; a header that claims more is not believed
LOST = 10  # a ratio of powers: the mean of the channels may be 10 dB weaker than the loudest one


@dataclass(frozen=True)
class SoundStream:
    """A sound that a decoder has opened."""

    rate: int  # Hz
    channels: int
    length: int  # samples per channel, as the header claims; 0 if it claims none
    blocks: Iterator[np.ndarray]  # (samples, channels) float32, full scale ±1


@dataclass(frozen=True)
class Mono:
    samples: np.ndarray  # (samples,) float32, full scale ±1
    rate: int  # Hz
    channels: int  # of the source
    is_clipped: bool = False  # whether one of several channels is; a single one's samples show it


class Piece:
    """A block of several channels, mixed down, with what `read_mono` needs to know about them."""

    def __init__(self, block: np.ndarray):
        """Shape: (samples, channels)."""
        channels = np.ascontiguousarray(block.T)  # NumPy takes ten times as long across short rows
        self.mixed = channels.mean(axis=0)
        self.power, self.powers = self.mixed.var() * len(block), channels.var(axis=1) * len(block)
        self.is_clipped = any(map(is_clipped, channels))


def read_mono(opener: Callable[[], AbstractContextManager[SoundStream]], longest: float, crop: bool = False) -> Mono:
    """The mean of a sound's channels. The sound may last at most `longest` s; with `crop`, the rest is not read.

    If the channels cancel out, as a balanced microphone's do on a stereo plug, the sound is decoded again and its
    loudest channel taken. Raises Rejected if a limit is exceeded, EOFError for a sound without samples, and whatever
    the decoder raises.
    """
    with opener() as stream:
        if stream.channels == 1:
            return Mono(joined([block[:, 0] for block in held(stream, longest, crop)]), stream.rate, 1)
        pieces = [Piece(block) for block in held(stream, longest, crop)]
    parts = [piece.mixed for piece in pieces]
    powers = np.sum([piece.powers for piece in pieces], axis=0)
    if powers.max() > LOST * sum(piece.power for piece in pieces):
        with opener() as again:
            parts = [block[:, powers.argmax()].copy() for block in held(again, longest, crop)]
    return Mono(joined(parts), stream.rate, stream.channels, any(piece.is_clipped for piece in pieces))


def joined(parts: list[np.ndarray]) -> np.ndarray:
    if not parts:
        raise EOFError("no samples")
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def held(stream: SoundStream, longest: float, crop: bool) -> Iterator[np.ndarray]:
    """The blocks of a sound, without empty ones. Raises Rejected if a limit is exceeded; with `crop`, the blocks end at
    the longest length instead.
    """
    if not SLOWEST <= stream.rate <= FASTEST:
        raise Rejected("undecodable", f"a sample rate of {stream.rate:,} Hz")
    if stream.rate * stream.channels > WIDEST:
        raise Rejected("undecodable", f"{stream.channels} channels at {stream.rate:,} Hz")
    if longest < stream.length / stream.rate < BELIEVABLE and not crop:
        raise Rejected("too_long", f"{stream.length / stream.rate:.0f} s")
    left = int(longest * stream.rate)
    for block in filter(len, stream.blocks):
        if len(block) > left and not crop:
            raise Rejected("too_long", f"over {longest:g} s")
        yield block[:left]
        left -= len(block)
        if left <= 0 and crop:
            return
