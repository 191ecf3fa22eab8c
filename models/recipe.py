"""Recipe: the settings of training, whatever the architecture."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt

STRICT = {"extra": "forbid", "strict": True}

Frames = Annotated[int, Ge(1), Le(10_000)]  # of a crop or a window


@dataclass(frozen=True)
class Masks:
    """SpecAugment (Park et al. 2019): how many masks, and how wide at most, in frames and in mel bands."""

    time_masks: Annotated[int, Ge(0)]
    time_width: Annotated[int, Ge(1)]
    band_masks: Annotated[int, Ge(0)]
    band_width: Annotated[int, Ge(1)]

    __pydantic_config__: ClassVar[dict] = STRICT


@dataclass(frozen=True)
class Recipe:
    crop: Annotated[float, Gt(0), Le(600)]  # s
    batch_size: Annotated[int, Ge(2)]  # crops
    max_epochs: Annotated[int, Ge(1)]
    patience: Annotated[int, Ge(1)]  # epochs without a better `monitor`
    monitor: Literal["val_loss", "val_macro_recall", "epoch"]  # the epoch where it is best is kept
    loss: Literal["cross_entropy", "ordinal"]
    learning_rate: Annotated[float, Gt(0)]  # the peak, after the first epoch
    weight_decay: Annotated[float, Ge(0)]
    gradient_norm: Annotated[float, Gt(0)]  # longer gradients are shortened to it
    accumulate: Annotated[int, Ge(1)]  # batches per step
    seed: Annotated[int, Ge(0), Lt(2**32)]
    spec_augment: Masks | None = None  # None: no masks

    __pydantic_config__: ClassVar[dict] = STRICT

    def frames(self, hop: float) -> int:
        """The frames of a crop, of features with a frame every `hop` s."""
        return max(1, round(self.crop / hop))

    @property
    def better(self) -> Literal["min", "max"]:
        """Whether a lower or a higher `monitor` is better."""
        return "min" if self.monitor == "val_loss" else "max"
