"""Config: what `config.json` says of a model: how to run it, and what it was trained on. Knows no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError

from features.logmel import FrontEnd
from models.origin import Origin


class ModelError(Exception):
    """A folder that holds no model that can be run; the text says why."""


def cannot_be_run(path: Path, error: Exception) -> ModelError:
    """Says so in one line; what comes of a damaged file has no type in common, and may have no text."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return ModelError(f"{path} cannot be run: {lines[0]}")


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
    origin: Origin | None = None  # none before `train` has saved the model, and in what an older version saved

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid"}


def config_of(text: str | bytes) -> Config:
    """The config that a `config.json` holds. Raises ValueError, in one line, for another text."""
    try:
        return TypeAdapter(Config).validate_json(text)
    except ValidationError as error:
        mistake = error.errors()[0]
        where = ".".join(map(str, mistake["loc"]))
        raise ValueError(f"{where}: {mistake['msg']}" if where else mistake["msg"]) from None


def read_config(folder: Path) -> Config:
    """The config of the model in `folder`. Raises ModelError where there is none."""
    path = folder / "config.json"
    try:
        return config_of(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"{folder} holds no model: it has no config.json") from None
    except ValueError as error:
        raise ModelError(f"{path} does not describe a model: {error}") from None


def read_origin(folder: Path) -> Origin:
    """What the model in `folder` was trained on. Raises ModelError where nothing says it."""
    origin = read_config(folder).origin
    if origin is None:
        raise ModelError(f"{folder}/config.json does not say what the model was trained on: train it again")
    return origin
