"""Opening: the front-end that a description names, ready to run."""

from collections.abc import Callable
from typing import Any

import numpy as np

from features.front_end import FrontEnd, Reading
from features.front_ends import FRONT_ENDS

Features = Callable[[np.ndarray], np.ndarray]  # samples (n,) float32, mono → (frames, values)


def open_front_end(front_end: FrontEnd) -> Features:
    """Raises ValueError for settings that it cannot have, and EncoderError for an encoder that cannot be run."""
    opened = opened_by(front_end.name, front_end.sound, front_end.settings)
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


def opened_by(name: str, sound: Reading, settings: dict[str, Any]) -> Features:
    if name not in FRONT_ENDS:
        raise ValueError(f"{name} is not a front-end: allowed are {', '.join(FRONT_ENDS)}")
    try:
        return FRONT_ENDS[name](sound, **settings)
    except TypeError as error:  # a setting too many or too few
        raise ValueError(str(error)) from None
