"""Whole: all of a sound as log-mel, and which part of it trimming leaves, for a picture of what was used."""

import numpy as np
import soxr
from numpy.lib.array_utils import byte_bounds

from features.logmel import LogMel
from features.sound import SoundReader, trim


def whole_logmel(data: bytes, read_sound: SoundReader, log_mel: LogMel) -> tuple[np.ndarray, float, float]:
    """Log-mel of shape (frames, n_mels) float32, and where the used part begins and ends, in s.

    Raises Rejected as `read_sound` does.
    """
    source, rate = read_sound.decode(data)
    mono = np.ascontiguousarray(source.mean(axis=1))
    used, _ = trim(mono, rate, read_sound.front_end.trim)  # a view into mono, so its address tells its place
    begin = (byte_bounds(used)[0] - byte_bounds(mono)[0]) / mono.itemsize
    features = log_mel(soxr.resample(mono, rate, read_sound.front_end.sample_rate))
    return features, begin / rate, (begin + len(used)) / rate
