"""Mono: what a decoder gives, block by block, mixed down to one channel and held to limits of size."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from features.decoding.clipping import is_clipped
from features.decoding.rejected import Rejected

SLOWEST, FASTEST = 1000, 384_000  # Hz
WIDEST = 1_000_000  # samples a second over all channels; eight at 96 kHz have 768,000
SAMPLES_AT_ONCE = (
    1 << 23
)  # samples over all channels that are decoded at once; a minute of stereo at 48 kHz has 5.8 million
BELIEVABLE = 86_400  # s; a header that claims more does not know
LOST = 10  # a ratio of powers: the mean of the channels may be 10 dB weaker than the loudest of them


@dataclass(frozen=True)
class SoundStream:
    """A sound that a decoder has opened."""

    rate: int  # Hz
    channels: int
    length: int  # samples a channel, as the header claims; 0 if it claims none
    blocks: Iterator[np.ndarray]  # (samples, channels) float32, full scale ±1


@dataclass(frozen=True)
class Mono:
    samples: np.ndarray  # (samples,) float32, full scale ±1
    rate: int  # Hz
    channels: int  # of the source
    is_clipped: bool = False  # one of several channels is; of a single one, its samples tell


class Piece:
    """A block of several channels mixed down, and what is to be known of them."""

    def __init__(self, block: np.ndarray):
        """Shape: (samples, channels)."""
        channels = np.ascontiguousarray(block.T)  # across short rows NumPy takes ten times as long
        self.mixed = channels.mean(axis=0)
        self.power, self.powers = self.mixed.var() * len(block), channels.var(axis=1) * len(block)
        self.is_clipped = any(map(is_clipped, channels))


def read_mono(opener: Callable[[], AbstractContextManager[SoundStream]], longest: float) -> Mono:
    """The mean of the channels of a sound of at most `longest` s.

    Where they cancel each other, as a balanced microphone's do on a stereo plug, it is the loudest one, for which the
    sound is decoded again. Raises Rejected for what exceeds the limits, EOFError for a sound without samples, and
    whatever the decoder raises.
    """
    with opener() as stream:
        if stream.channels == 1:
            return Mono(joined([block[:, 0] for block in held(stream, longest)]), stream.rate, 1)
        pieces = [Piece(block) for block in held(stream, longest)]
    parts = [piece.mixed for piece in pieces]
    powers = np.sum([piece.powers for piece in pieces], axis=0)
    if powers.max() > LOST * sum(piece.power for piece in pieces):
        with opener() as again:
            parts = [block[:, powers.argmax()].copy() for block in held(again, longest)]
    return Mono(joined(parts), stream.rate, stream.channels, any(piece.is_clipped for piece in pieces))


def joined(parts: list[np.ndarray]) -> np.ndarray:
    if not parts:
        raise EOFError("no samples")
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def held(stream: SoundStream, longest: float) -> Iterator[np.ndarray]:
    """The blocks of a sound, none of them empty. Raises Rejected for what exceeds the limits."""
    if not SLOWEST <= stream.rate <= FASTEST:
        raise Rejected("undecodable", f"a sample rate of {stream.rate:,} Hz")
    if stream.rate * stream.channels > WIDEST:
        raise Rejected("undecodable", f"{stream.channels} channels at {stream.rate:,} Hz")
    if longest < stream.length / stream.rate < BELIEVABLE:
        raise Rejected("too_long", f"{stream.length / stream.rate:.0f} s")
    count = 0
    for block in filter(len, stream.blocks):
        count += len(block)
        if count > longest * stream.rate:
            raise Rejected("too_long", f"over {longest:g} s")
        yield block
