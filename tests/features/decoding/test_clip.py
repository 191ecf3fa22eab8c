import numpy as np
import pytest

from features.decoding.clip import decode_clip
from features.decoding.rejected import Rejected
from features.decoding.sound import SoundReader
from features.front_ends.opening import open_front_end
from tests.conftest import buzz, encode


def raising(error: Exception) -> callable:
    def raises(_):
        raise error

    return raises


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("by zero"), ValueError("odd"), RuntimeError("inside"), KeyError("x")]
)
def test_any_error_with_a_clip_rejects_it(front_end, error):
    with pytest.raises(Rejected, match="undecodable") as rejected:
        decode_clip(b"", raising(error), open_front_end(front_end))
    assert type(error).__name__ in rejected.value.detail


@pytest.mark.parametrize("error", [MemoryError(), OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_errors_of_the_machine_are_raised(front_end, error):
    with pytest.raises(type(error)):
        decode_clip(b"", raising(error), open_front_end(front_end))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e5])
def test_features_that_half_precision_cannot_hold_are_refused(front_end, value):
    data = encode(buzz(1, 16000, 0), 16000, "WAV")
    with pytest.raises(Rejected, match="undecodable"):
        decode_clip(data, SoundReader(front_end.sound), lambda samples: np.array([[1, value]], np.float32))


def test_a_sound_that_does_not_fill_a_window_is_too_short(front_end):
    data = encode(buzz(1, 16000, 0), 16000, "WAV")
    with pytest.raises(Rejected, match="too_short"):
        decode_clip(data, SoundReader(front_end.sound), lambda samples: np.empty((0, 64), np.float32))


def test_features_are_those_of_the_sound(front_end):
    data = encode(buzz(1, 16000, 0), 16000, "WAV")
    sound, features = decode_clip(data, SoundReader(front_end.sound), open_front_end(front_end))
    np.testing.assert_array_equal(features, open_front_end(front_end)(sound.samples).astype(np.float16))
