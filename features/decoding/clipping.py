"""Clipping: whether a sound was too loud for what recorded it."""

import numpy as np

CLIPPED = 0.001  # share of samples at the extreme above which a sound counts as clipped
SPIKE = 3  # times as many samples at the extreme as at the level next to it; rounded tops in 8 bits have 1.5 times
STRETCHES = 64  # that a sound is cut into; what is clipped reaches its extreme in several of them


def is_clipped(samples: np.ndarray) -> bool:
    """Whether many samples lie at or beyond full scale, or in flat tops at the sound's own highest or lowest value.

    That value is below full scale in 16 bits held to ±32767, in 8 bits, mu-law and A-law, and where the level was
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
    """Whether many samples have this extreme value, three in a row somewhere, and few come near it."""
    at = samples == extreme
    count = np.count_nonzero(at)
    if not extreme or not CLIPPED * len(at) < count < len(at) or not (at[2:] & at[1:-1] & at[:-2]).any():
        return False
    others = samples[~at]
    nearest = others[np.abs(others - extreme).argmin()]
    return bool(count >= SPIKE * np.count_nonzero(others == nearest))
