"""Opening: the front-end that a description names, ready to run."""

from collections.abc import Callable
from typing import Any

import numpy as np

from features.front_end import FrontEnd, Reading
from features.front_ends import FRONT_ENDS
from features.front_ends.encoder import Encoder

Features = Callable[[np.ndarray], np.ndarray]  # samples (n,) float32, mono → (frames, values)


def open_front_end(front_end: FrontEnd, gpu: bool = False) -> Features:
    """With `gpu`, an encoder runs on one if it can; what is not an encoder never does.

    Raises ValueError for settings that it cannot have, and EncoderError for an encoder that cannot be run.
    """
    opened = opened_by(front_end.name, front_end.sound, front_end.settings, gpu)
    if (opened.values, opened.hop) != (front_end.values, front_end.hop):
        raise ValueError(
            f"{front_end.name} has {opened.values} values every {opened.hop} s, "
            f"not {front_end.values} every {front_end.hop} s"
        )
    return opened


def describe(name: str, sound: Reading, settings: dict[str, Any]) -> FrontEnd:
    """The front-end `name` with its settings. Raises what `open_front_end` does."""
    opened = opened_by(name, sound, settings)
    return FrontEnd(name, sound, settings, opened.values, opened.hop)


def opened_by(name: str, sound: Reading, settings: dict[str, Any], gpu: bool = False) -> Features:
    if name not in FRONT_ENDS:
        raise ValueError(f"{name} is not a front-end: allowed are {', '.join(FRONT_ENDS)}")
    made = FRONT_ENDS[name]
    try:
        return made(sound, **settings, gpu=gpu) if issubclass(made, Encoder) else made(sound, **settings)
    except TypeError as error:  # a setting too many or too few
        raise ValueError(str(error)) from None
