import numpy as np

from features.decoding.sound import SoundReader
from models.asking.spectrogram import spectrogram_of, whole_logmel
from tests.conftest import buzz, encode


def test_the_used_part_is_what_trimming_leaves(front_end):
    rate = 16000
    samples = np.concatenate([np.zeros(rate), buzz(1.5, rate, 0), np.zeros(rate // 2)])
    data, read_sound, log_mel = (
        encode(samples, rate, "WAV"),
        SoundReader(front_end.sound),
        spectrogram_of(front_end.sound),
    )
    features, begin, end = whole_logmel(data, read_sound, log_mel)
    assert len(features) == len(log_mel(np.float32(samples)))
    assert abs(begin - 1) <= 0.06
    assert abs(end - 2.5) <= 0.06
    used = log_mel(read_sound(data).samples)
    first = round(begin / front_end.hop)
    np.testing.assert_allclose(features[first : first + len(used)], used, atol=1e-4)


def test_stereo_has_the_same_used_part(front_end):
    samples = np.concatenate([np.zeros(8000), buzz(1, 16000, 1)])
    tell = [
        whole_logmel(encode(each, 16000, "FLAC"), SoundReader(front_end.sound), spectrogram_of(front_end.sound))[1:]
        for each in (samples, np.stack([samples, samples], axis=1))
    ]
    assert tell[0] == tell[1]
