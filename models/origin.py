"""Origin: what a model was trained on, as it was then: the corpus, the split, the recipe. Knows no torch."""

from dataclasses import dataclass
from typing import ClassVar

from models.recipe import Recipe


@dataclass(frozen=True)
class CorpusFacts:
    name: str  # of its archive, or of the folder that its release lies in
    is_synthetic: bool
    rows: dict[str, int]  # of each table


@dataclass(frozen=True)
class SplitFacts:
    by: str
    seed: int
    groups: dict[str, list[str]]  # the age words of each
    fingerprint: str  # of the bytes of the split's file
    folds: int | None = None  # none where the split is given
    fold: int | None = None


@dataclass(frozen=True)
class Origin:
    corpus: CorpusFacts
    split: SplitFacts
    recipe: Recipe

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid"}
