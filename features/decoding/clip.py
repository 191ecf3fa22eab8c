"""Clip: from a sound file's bytes to the features that a store keeps."""

import numpy as np

from features.decoding.rejected import Rejected
from features.decoding.sound import Sound, SoundReader
from features.front_ends.opening import Features

LARGEST_VALUE = np.finfo(np.float16).max


def decode_clip(data: bytes, read_sound: SoundReader, front_end: Features) -> tuple[Sound, np.ndarray]:
    """A clip's sound, and its features, (frames, values) float16.

    Raises Rejected for anything wrong with the clip, so that one bad clip does not end a run. MemoryError and OSError
    pass through, since they are the machine's fault.
    """
    try:
        sound = read_sound(data)
        features = front_end(sound.samples)
    except (Rejected, MemoryError, OSError):
        raise
    except Exception as error:
        raise Rejected("undecodable", f"{type(error).__name__}: {error}") from error
    if not len(features):
        raise Rejected("too_short", "shorter than a window")
    if not max(features.max(), -features.min()) <= LARGEST_VALUE:  # also catches NaN
        raise Rejected("undecodable", "features that are not finite in half precision")
    return sound, features.astype(np.float16, copy=False)
