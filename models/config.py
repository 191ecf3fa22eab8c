"""Config: what `config.json` says about a model: how to run it, and what it was trained on. Needs no torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le, Len
from pydantic import FailFast, TypeAdapter, ValidationError

from features.front_end import FrontEnd
from features.running.one_line import one_line
from models.mistake import explained, shortened
from models.origin import Origin
from models.recipe import Frames
from models.section import check_section

LARGEST = 6_000_000  # bytes in a `config.json`; an encoder's 100,000 values, the most that it may have, take 4,900,000

Group = Annotated[str, Len(1, 100)]


class ModelError(Exception):
    """A folder without a model that can be run; the text says why."""


@contextmanager
def running(path: Path) -> Iterator[None]:
    """Turn any error in this block into a ModelError of one line: damaged files can raise anything, even without a
    text.
    """
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"{path} cannot be run: {one_line(error)}") from error


@dataclass(frozen=True)
class Config:
    architecture: str
    settings: dict[str, Any]
    groups: Annotated[list[Group], Len(2, 100), FailFast()]  # in order
    frames: Frames  # of a window
    front_end: FrontEnd
    mean: Annotated[list[Annotated[float, Ge(-1000), Le(1000)]], FailFast()]  # of each value over train
    deviation: Annotated[list[Annotated[float, Gt(0), Le(1000)]], FailFast()]
    years: Annotated[list[Annotated[float, Ge(0), Le(150)]], FailFast()]  # the mean age of each group in train
    temperature: Annotated[float, Ge(0.001), Le(1000)] = 1.0  # see calibration.tempered; fitted on val
    origin: Origin | None = None  # None until `train` has saved the model, and in models of an older version

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid", "strict": True, "allow_inf_nan": False}

    def __post_init__(self):
        try:
            check_section(self.front_end.name, self.front_end.sound, self.front_end.settings)
        except ValueError as error:
            raise ValueError(f"front_end: {error}") from None
        for group in self.groups:
            if self.groups.count(group) > 1:
                raise ValueError(f"groups: {shortened(group)} is listed more than once")
        for name, of in {"mean": "values", "deviation": "values", "years": "groups"}.items():
            found, allowed = len(getattr(self, name)), self.front_end.values if of == "values" else len(self.groups)
            if found != allowed:
                raise ValueError(f"{name} has {found} numbers for {allowed} {of}")


def config_of(text: str | bytes) -> Config:
    """The config in a `config.json`. Raises ValueError, in one line, if it is not valid."""
    try:
        return TypeAdapter(Config).validate_json(text)
    except ValidationError as error:
        raise ValueError(explained(error.errors(include_url=False)[0])) from None


def read_config(folder: Path) -> Config:
    """The config of the model in `folder`. Raises ModelError if there is none."""
    path = folder / "config.json"
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise ValueError(f"it is larger than {LARGEST:,} bytes")
        return config_of(text)
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"{folder} holds no model: it has no config.json") from None
    except ValueError as error:
        raise ModelError(f"{path} does not describe a model: {error}") from None


def read_origin(folder: Path) -> Origin:
    """What the model in `folder` was trained on. Raises ModelError if it does not say."""
    origin = read_config(folder).origin
    if origin is None:
        raise ModelError(f"{folder}/config.json does not say what the model was trained on: train it again")
    return origin
