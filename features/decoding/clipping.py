"""Clipping: whether a sound was too loud for the device that recorded it."""

import numpy as np

CLIPPED = 0.001  # a sound counts as clipped if a greater share of its samples is at the extreme
SPIKE = 3  # times as many samples at the extreme as at the next level; rounded peaks in 8 bits have 1.5 times as many
STRETCHES = 64  # pieces that a sound is cut into; a clipped sound reaches its extreme in several of them


def is_clipped(samples: np.ndarray) -> bool:
    """Whether many samples are at or beyond full scale, or in flat peaks at the sound's own highest or lowest value.

    That value is below full scale in 16 bits limited to ±32767, in 8 bits, mu-law and A-law, and if the level was
    lowered afterwards. Shape: (samples,).
    """
    if len(samples) < STRETCHES:
        return False
    stretches = samples[: len(samples) // STRETCHES * STRETCHES].reshape(STRETCHES, -1)
    highs, lows = stretches.max(axis=1).tolist(), stretches.min(axis=1).tolist()
    high, low = max(highs), min(lows)
    if max(high, -low) >= 1 and np.mean(np.abs(samples) >= 1) > CLIPPED:
        return True
    return (highs.count(high) > 1 and has_flat_tops(samples, high)) or (
        lows.count(low) > 1 and has_flat_tops(samples, low)
    )


def has_flat_tops(samples: np.ndarray, extreme: float) -> bool:
    """Whether many samples have this extreme value, at least three in a row somewhere, and few come close to it."""
    at = samples == extreme
    count = np.count_nonzero(at)
    if not extreme or not CLIPPED * len(at) < count < len(at) or not (at[2:] & at[1:-1] & at[:-2]).any():
        return False
    others = samples[~at]
    nearest = others[np.abs(others - extreme).argmin()]
    return bool(count >= SPIKE * np.count_nonzero(others == nearest))
