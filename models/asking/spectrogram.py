"""Spectrogram: a whole sound as log-mel, and the part that trimming leaves, for a picture of what was used."""

import numpy as np
import soxr

from features.decoding.sound import SoundReader, trim
from features.logmel import LogMel


def whole_logmel(data: bytes, read_sound: SoundReader, log_mel: LogMel) -> tuple[np.ndarray, float, float]:
    """Log-mel of shape (frames, n_mels) float32, and where the used part begins and ends, in s.

    Raises Rejected as `read_sound` does.
    """
    mono = read_sound.decode(data)
    begin, end, _ = trim(mono.samples, mono.rate, read_sound.front_end.trim)
    features = log_mel(soxr.resample(mono.samples, mono.rate, read_sound.front_end.sample_rate))
    return features, begin / mono.rate, end / mono.rate
