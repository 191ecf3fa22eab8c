"""Spectrogram: a whole sound as log-mel, and the part that trimming leaves, for a picture of what was used."""

import numpy as np
import soxr

from features.decoding.sound import SoundReader, trim
from features.front_end import Reading
from features.front_ends.logmel import LogMel

HOP = 0.01  # s
BANDS = 64


def spectrogram_of(sound: Reading) -> LogMel:
    """The log-mel that sounds are pictured by, whatever a model hears them by; a frame every HOP s."""
    return LogMel(sound, n_mels=BANDS, window=2.5 * HOP, hop=HOP, f_min=20, f_max=min(7600, sound.sample_rate / 2))


def whole_logmel(data: bytes, read_sound: SoundReader, log_mel: LogMel) -> tuple[np.ndarray, float, float]:
    """Log-mel of shape (frames, BANDS) float32, and where the used part begins and ends, in s.

    Raises Rejected as `read_sound` does.
    """
    mono = read_sound.decode(data)
    begin, end, _ = trim(mono.samples, mono.rate, read_sound.reading.trim)
    features = log_mel(soxr.resample(mono.samples, mono.rate, read_sound.reading.sample_rate))
    return features, begin / mono.rate, end / mono.rate
