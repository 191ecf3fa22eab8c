"""Params: `params.yaml`, read and checked in one place, as frozen dataclasses."""

import json
import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import yaml
from annotated_types import Ge, Le, Lt, MinLen
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from features.front_end import FrontEnd, Reading
from features.front_ends import FRONT_ENDS
from features.front_ends.encoder import EncoderError
from features.front_ends.opening import describe
from models.config import Group
from models.hardware import Hardware
from models.mistake import explained
from models.recipe import Recipe
from models.section import check_section
from pipeline.corpus.ages import group_by_year
from pipeline.paths import OWN_SPLITS
from pipeline.stage import UserError

STRICT = ConfigDict(extra="forbid", strict=True)

GENDERS = ("female", "male", "other", "")  # see pipeline.corpus.commonvoice
SPLIT_BY = ("speaker", "locale", "corpus", "official", "clip")

Count = Annotated[int, Ge(1)]
Seed = Annotated[int, Ge(0), Lt(2**32)]
Share = Annotated[float, Ge(0), Le(1)]
Groups = Annotated[dict[Group, Annotated[list[str], MinLen(1)]], MinLen(2)]


def check_ages(groups: dict[str, list[str]]) -> None:
    """Raises ValueError naming what is not an age, or an age that is in more than one group."""
    try:
        group_by_year(groups)
    except ValueError as error:
        raise ValueError(f"groups: {error}") from None


@checked(frozen=True, config=STRICT)
class Demo:
    speakers: Annotated[int, Ge(24)]
    clips: Annotated[int, Ge(48)]
    seed: Seed


@checked(frozen=True, config=STRICT)
class Filter:
    tables: Annotated[list[str], MinLen(1)]
    votes: Literal["all", "unvalidated", "none"]
    conflict: Literal["drop", "keep"]
    repeats: Literal["drop", "keep"]
    clips_per_speaker: Count
    balance: Literal["undersample", "keep"]
    clips_per_group: Count | None
    groups: Groups
    seed: Seed
    locales: list[str] | None = None
    genders: list[Literal[GENDERS]] | None = None
    accents: list[str] | None = None
    clips_per_locale: Count | None = None
    fill: bool = False
    speaker: Literal["column", "path"] = "column"

    def __post_init__(self):
        check_ages(self.groups)


@checked(frozen=True, config=STRICT)
class Pack:
    clips_per_shard: Count
    max_missing: Share


@checked(frozen=True, config=STRICT)
class Decode:
    max_rejects: Share


@checked(frozen=True, config=STRICT)
class Split:
    by: str
    folds: Annotated[int, Ge(3)]
    fold: Annotated[int, Ge(0)]
    clips_per_speaker: Count
    groups: Groups
    seed: Seed

    def __post_init__(self):
        check_ages(self.groups)
        if self.by not in SPLIT_BY and not (self.by.endswith(".csv") and Path(self.by).parent == OWN_SPLITS):
            raise ValueError(f"by is '{self.by}': allowed are {', '.join(SPLIT_BY)} and {OWN_SPLITS}/NAME.csv")
        if self.fold >= self.folds:
            raise ValueError(f"fold is {self.fold}, but there are {self.folds} folds: 0 to {self.folds - 1}")


@checked(frozen=True, config=STRICT)
class Predict:
    unsure: Share


@checked(frozen=True, config=STRICT)
class Compute(Hardware):
    backend: Literal["loky", "dask"] = "loky"
    scheduler: str | None = None
    jobs: Annotated[int, Ge(-1)] = -1

    def __post_init__(self):
        if self.jobs == 0:
            raise ValueError("jobs is 0: allowed are -1 (one per core) and 1 or more")
        if self.backend == "dask" and not self.scheduler:
            raise ValueError("backend is dask, so scheduler must be an address, as in tcp://10.0.0.1:8786")


@checked(frozen=True, config=STRICT)
class Params:
    corpus: Annotated[str, MinLen(1)]
    demo: Demo
    filter: Filter
    pack: Pack
    sound: Reading
    features: str
    front_ends: dict[str, dict[str, Any]]
    decode: Decode
    split: Split
    model: str
    train: Recipe
    recipes: dict[str, Any]
    architectures: dict[str, dict[str, Any]]
    predict: Predict
    compute: Compute

    def __post_init__(self):
        if self.model not in self.architectures:
            raise ValueError(f"model is '{self.model}': allowed are {', '.join(self.architectures)}")
        allowed = [name for name in FRONT_ENDS if name in self.front_ends]
        if self.features not in allowed:
            raise ValueError(f"features is '{self.features}': allowed are {', '.join(allowed)}")
        try:
            check_section(self.features, self.sound, self.front_ends[self.features])
        except ValueError as error:
            raise ValueError(f"front_ends.{error}") from None

    def front_end(self) -> FrontEnd:
        """The chosen one. Raises UserError if its settings do not fit, or its encoder is missing or cannot be run."""
        try:
            return describe(self.features, self.sound, self.front_ends[self.features])
        except ValueError as error:
            raise UserError(f"params.yaml: front_ends.{self.features}: {error}") from None
        except EncoderError as error:
            raise UserError(str(error)) from None


class Loader(yaml.SafeLoader):
    """Reads 3e-4 as a number, as YAML 1.2 and DVC do; PyYAML follows YAML 1.1 and reads it as text."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+"), list("-+0123456789")
)


def read_settings(path: Path = Path("params.yaml")) -> Any:
    """The settings as they are written. Raises UserError for a file that is missing or not YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        raise UserError(f"there is no {path} here: run from the root of the project") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None


def load_params(path: Path = Path("params.yaml")) -> Params:
    """The checked settings of the project.

    Raises UserError as `read_settings` does, and for wrong values; it names each of them.
    """
    settings = read_settings(path)
    try:
        return TypeAdapter(Params).validate_json(json.dumps(with_recipe(settings), default=str))
    except ValidationError as error:
        mistakes = (explain(mistake, Params, written_at(mistake["loc"], settings)) for mistake in error.errors())
        raise UserError("; ".join(f"{path}: {line}" for line in mistakes)) from None


def recipe_in(settings: Any) -> dict[str, Any]:
    """What the section `recipes` says for the chosen front-end; empty if `settings` are wrong.

    Raises UserError for a front-end without a recipe.
    """
    match settings:
        case {"features": str(name), "train": dict(), "recipes": dict(recipes)}:
            allowed = [each for each, recipe in recipes.items() if isinstance(recipe, dict)]
            if name not in allowed:
                raise UserError(f"params.yaml: features is '{name}': allowed are {', '.join(allowed)}")
            return recipes[name]
    return {}


def with_recipe(settings: Any) -> Any:
    """The settings, with `train` completed from the front-end's recipe where it is null."""
    if not (recipe := recipe_in(settings)):
        return settings
    chosen = {name: value for name, value in settings["train"].items() if value is not None}
    return settings | {"train": recipe | chosen}


def written_at(place: tuple, settings: Any) -> tuple:
    """Where params.yaml has the setting that was found at `place` once `train` was completed."""
    match place:
        case ("train", name, *_) if name in recipe_in(settings) and settings["train"].get(name) is None:
            return "recipes", settings["features"], *place[1:]
    return place


def explain(mistake: dict, section: type, place: tuple) -> str:
    """In one line: where the mistake is, what is there, what is allowed. `place` is where the user wrote it."""
    where = ".".join(map(str, place))
    match mistake["type"]:
        case "unexpected_keyword_argument":
            return f"there is no {where}: allowed are {names_under(section, mistake['loc'][:-1])}"
        case "dataclass_type":
            return f"{where or 'it'} must hold {names_under(section, mistake['loc'])}"
    return explained(mistake | {"loc": place})


def names_under(section: type, parents: Sequence[str]) -> str:
    """The names that `section.parents` may hold."""
    for parent in parents:
        hint = get_type_hints(section)[parent]
        section = next((kind for kind in (hint, *get_args(hint)) if is_dataclass(kind)), section)
    return ", ".join(field.name for field in fields(section))
