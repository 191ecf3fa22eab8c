"""Predictor: from a sound file's bytes to probabilities of age groups, and reasons not to believe them.

Needs no torch, unless the model does (see network).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np
from threadpoolctl import ThreadpoolController

from features.decoding.clip import decode_clip
from features.decoding.sound import Rejected, Sound, SoundReader
from features.front_end import FrontEnd
from features.front_ends.opening import Features, open_front_end
from models.asking.network import open_network
from models.asking.spectrogram import spectrogram_of, whole_logmel
from models.asking.speech import has_speech
from models.calibration import tempered
from models.config import read_config, running
from models.windows import mean_probabilities, windows_of

UNSURE = "unsure"
ENCODER = "encoder.onnx"  # beside an exported model, of those that hear by one
SPEECHLESS = "no speech found"
BRIEF = 1.0  # s; most training corpora have no clip this short
FAINT = -45.0  # dB re full scale; of 1,200 Common Voice clips, one in a hundred is fainter
CREDIBLE = 0.8  # probability that the range of groups must add up to
ALONE = Lock()  # one for all predictors: a limit on BLAS threads applies to the whole process
COMPLAINTS = {
    "empty": "it is empty",
    "undecodable": "it cannot be read as sound",
    "too_long": "it is too long",
    "too_short": "it is too short",
    "silent": f"{SPEECHLESS}: it is silent",
}


@dataclass(frozen=True)
class Heard:
    """A recording, ready to be judged."""

    features: np.ndarray  # (frames, values) float16, as the store has them
    seconds: float  # before trimming
    warnings: list[str]


@dataclass(frozen=True)
class Prediction:
    group: str  # the most probable one, or UNSURE
    probability: float  # of the most probable group
    age: float  # expected, in years
    range: tuple[str, str]  # the first and the last of the groups that hold CREDIBLE (see credible_range)
    seconds: float
    warnings: list[str]
    probabilities: dict[str, float]  # by group, in order


class Predictor:
    """Judges recordings with the model in `folder`. If no group reaches the probability `unsure`, or nobody speaks, it
    names none.

    Raises ModelError if the folder has no model. Threads may share it: they take turns, since the reader has one memory
    file and the log-mel one buffer.
    """

    def __init__(self, folder: Path, unsure: float):
        self.config, self.unsure = read_config(folder), unsure
        self.network = open_network(folder)
        sound = self.config.front_end.sound
        self.read_sound, self.log_mel = SoundReader(sound), spectrogram_of(sound)
        self.make_features = open_for(self.config.front_end, folder)
        self.threads = ThreadpoolController()  # once: finding the libraries takes longer than limiting them

    def hear(self, data: bytes) -> Heard:
        """Raises Rejected if it cannot be judged; `complaint` says why."""
        with ALONE, self.threads.limit(limits=1):  # so that the bytes are those of the store
            sound, features = decode_clip(data, self.read_sound, self.make_features)
        return Heard(features, sound.seconds, warnings_of(sound, self.config.front_end.sound.sample_rate))

    def whole_logmel(self, data: bytes) -> tuple[np.ndarray, float, float]:
        """A whole recording, for a picture: see models.asking.spectrogram. Raises Rejected as `hear` does."""
        with ALONE:
            return whole_logmel(data, self.read_sound, self.log_mel)

    def logits(self, recordings: list[Heard]) -> list[np.ndarray]:
        """The logits of each recording's windows. Shape: (windows, groups) each."""
        windows = [windows_of(heard.features, self.config.frames) for heard in recordings]
        ends = np.cumsum([len(each) for each in windows])
        with ALONE:
            logits = self.network(np.concatenate(windows))
        return np.split(logits, ends[:-1])

    def judge(self, recordings: list[Heard]) -> list[Prediction]:
        if not recordings:
            return []
        logits = self.logits(recordings)
        raw = mean_probabilities(np.concatenate(logits), [len(each) for each in logits])
        rows = tempered(raw, self.config.temperature)
        return [self.predicted(row, heard) for row, heard in zip(rows, recordings, strict=True)]

    def predicted(self, probabilities: np.ndarray, heard: Heard) -> Prediction:
        groups, best = self.config.groups, int(probabilities.argmax())
        first, last = credible_range(probabilities)
        is_sure = probabilities[best] >= self.unsure and SPEECHLESS not in heard.warnings
        return Prediction(
            group=groups[best] if is_sure else UNSURE,
            probability=float(probabilities[best]),
            age=float(probabilities @ np.array(self.config.years)),
            range=(groups[first], groups[last]),
            seconds=heard.seconds,
            warnings=heard.warnings,
            probabilities=dict(zip(groups, probabilities.tolist(), strict=True)),
        )


def open_for(front_end: FrontEnd, folder: Path) -> Features:
    """The front-end of the model in `folder`, with the encoder that was exported with it, if one was.

    Raises ModelError if it cannot be run.
    """
    with running(folder / "config.json"):
        return open_front_end(with_encoder(front_end, folder))


def with_encoder(front_end: FrontEnd, folder: Path) -> FrontEnd:
    """The front-end of the model in `folder`, with the encoder that was exported with it, if one was."""
    exported = folder / ENCODER
    if not exported.is_file():
        return front_end
    return replace(front_end, settings=front_end.settings | {"file": str(exported)})


def warnings_of(sound: Sound, rate: int) -> list[str]:
    """Reasons not to believe anything about this sound, whose samples have this rate."""
    warnings = {
        SPEECHLESS: not has_speech(sound.samples, rate),
        "shorter than a second": len(sound.samples) < BRIEF * rate,
        "nearly silent": sound.loudness < FAINT,
        "clipped": "clipped" in sound.flags,
        "cut off before its end": "truncated" in sound.flags,
    }
    return [warning for warning, applies in warnings.items() if applies]


def complaint(rejected: Rejected) -> str:
    """Why a recording gets no answer, in words."""
    reason = COMPLAINTS.get(rejected.reason, rejected.reason)
    return f"{reason} ({rejected.detail.rstrip('.')})" if rejected.detail else reason


def credible_range(probabilities: np.ndarray) -> tuple[int, int]:
    """The first and last of the narrowest run of neighbouring groups that holds CREDIBLE; if several do, the likeliest.

    Shape: (groups,).
    """
    sums = np.concatenate([[0], np.cumsum(probabilities)])
    runs = [(first, last) for first in range(len(probabilities)) for last in range(first, len(probabilities))]
    held = {run: sums[run[1] + 1] - sums[run[0]] for run in runs}
    enough = [run for run in runs if held[run] >= CREDIBLE * sums[-1]]
    return min(enough, key=lambda run: (run[1] - run[0], -held[run]))
