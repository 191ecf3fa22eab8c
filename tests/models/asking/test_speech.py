import numpy as np
import pytest
from scipy import signal

from models.asking.speech import has_speech
from pipeline.voices.synthetic import RATE, draw_voice, speak

TIME = np.arange(3 * RATE) / RATE
NOISE = np.random.default_rng(0).standard_normal(len(TIME))


@pytest.mark.parametrize("age", [15, 45, 75])
@pytest.mark.parametrize("sex", ["female", "male"])
def test_voices_are_speech(age, sex):
    random = np.random.default_rng(age)
    voice = 0.3 * speak(draw_voice(age, sex, random), 3.0, random)
    assert has_speech(np.float32(voice), RATE)
    assert has_speech(np.float32(voice + 0.003 * NOISE[: len(voice)]), RATE)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(len(TIME)),
        0.1 * NOISE,
        0.1 * NOISE * TIME,
        0.1 * NOISE * (1 + np.sin(4 * np.pi * TIME)),
        signal.lfilter([0.05], [1, -0.99], NOISE),
        0.1 * sum(np.sin(2 * np.pi * 50 * number * TIME) for number in (1, 2, 3, 5)),
        0.3 * np.sin(2 * np.pi * 440 * TIME),
    ],
    ids=["silence", "noise", "noise that rises", "noise that swells", "rumble", "mains hum", "a tone"],
)
def test_other_sounds_are_not_speech(sound):
    assert not has_speech(np.float32(sound), RATE)


def test_a_sound_shorter_than_a_frame_is_not_speech():
    assert not has_speech(np.float32(0.3 * NOISE[: RATE // 100]), RATE)
