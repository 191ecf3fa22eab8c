"""Damage: what happens to bytes on disks and networks, from a seed."""

from collections.abc import Sequence

import numpy as np

Random = np.random.Generator

INSERTED = [b"\xff", b"\xfe\xff", b"\xc3", b"\xed\xa0\x80", b"\0", b"\n", b"\t", b"\r", b'"']


def any_of(rng: Random, things: Sequence) -> object:
    return things[rng.integers(len(things))]


def damage(data: bytes, rng: Random) -> bytes:
    """`data` with flipped bits, cut off, or with extra or missing bytes."""
    first, last = sorted(rng.integers(len(data) + 1, size=2))
    match rng.integers(4):
        case 0:
            flipped = bytearray(data)
            for place in rng.integers(len(data), size=rng.integers(1, 9)):
                flipped[place] ^= 1 << rng.integers(8)
            return bytes(flipped)
        case 1:
            return data[:first]
        case 2:
            more = any_of(
                rng, [rng.bytes(rng.integers(1, 2000)), any_of(rng, INSERTED) * any_of(rng, [1, 2, 5_000_000])]
            )
            return data[:first] + more + data[first:]
    return data[:first] + data[last:]
