"""Config: what `config.json` says of a model: all that is needed to repeat what it was trained on. Knows no torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.logmel import FrontEnd


class ModelError(Exception):
    """A folder that holds no model that can be run; the text says why."""


@dataclass(frozen=True)
class Config:
    architecture: str
    settings: dict[str, Any]
    groups: list[str]  # in order
    frames: int  # of a window
    front_end: FrontEnd
    mean: list[float]  # of each mel band over train
    deviation: list[float]
    years: list[float]  # the mean age of each group in train
    temperature: float = 1.0  # of the probabilities (see calibration.tempered), fitted on val


def config_of(values: dict) -> Config:
    return Config(**values | {"front_end": FrontEnd(**values["front_end"])})


def read_config(folder: Path) -> Config:
    """The config of the model in `folder`. Raises ModelError where there is none."""
    path = folder / "config.json"
    try:
        return config_of(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no model: it has no config.json") from None
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path} describes no model: {error}") from None
