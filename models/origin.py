"""Origin: what a model was trained on, recorded at the time: corpus, split, recipe. Needs no torch."""

from dataclasses import dataclass, field
from typing import ClassVar

from models.recipe import Recipe


@dataclass(frozen=True)
class CorpusFacts:
    name: str  # of its archive, or of the folder that its release is in
    is_synthetic: bool
    rows: dict[str, int]  # of each table
    licences: dict[str, str] = field(default_factory=dict)  # of each corpus whose name or README tells one
    each_clip_another: bool = False  # its tables name no speakers, and every clip was taken for another person


@dataclass(frozen=True)
class SplitFacts:
    by: str
    seed: int
    groups: dict[str, list[str]]  # the age words in each
    fingerprint: str  # of the bytes in the split's file
    folds: int | None = None  # None if the split is given
    fold: int | None = None


@dataclass(frozen=True)
class Origin:
    corpus: CorpusFacts
    split: SplitFacts
    recipe: Recipe

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid"}
