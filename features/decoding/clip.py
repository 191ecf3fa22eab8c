"""Clip: one sound file's bytes to what a store keeps of it."""

import numpy as np

from features.decoding.rejected import Rejected
from features.decoding.sound import Sound, SoundReader
from features.logmel import LogMel

LARGEST_VALUE = np.finfo(np.float16).max


def decode_clip(data: bytes, read_sound: SoundReader, log_mel: LogMel) -> tuple[Sound, np.ndarray]:
    """What is heard in a clip, and its features, (frames, n_mels) float16.

    Raises Rejected, whatever is wrong with the clip, so that it does not end a run; but MemoryError and OSError, since
    these are the machine's.
    """
    try:
        sound = read_sound(data)
        features = log_mel(sound.samples)
    except (Rejected, MemoryError, OSError):
        raise
    except Exception as error:
        raise Rejected("undecodable", f"{type(error).__name__}: {error}") from error
    if not len(features):
        raise Rejected("too_short", "shorter than a window")
    if not max(features.max(), -features.min()) <= LARGEST_VALUE:  # nor is NaN
        raise Rejected("undecodable", "features that are no numbers")
    return sound, features.astype(np.float16)
