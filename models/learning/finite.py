"""Finite: training stops at a loss that is not finite, and names the clips in the batch."""

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from features.store import StoreError


class LossError(Exception):
    """A loss that is not finite although the features are; the text says where, and for which clips."""


class Finite(Callback):
    """Checks the loss of each batch, and the probabilities of each val batch.

    Raises StoreError if features are to blame, else LossError.
    """

    def on_train_batch_end(
        self, trainer: pl.Trainer, classifier: pl.LightningModule, outputs: dict, batch: Any, number: int
    ) -> None:
        if not outputs["loss"].isfinite():
            stop_training("train", trainer, number, is_finite(batch[0]))

    def on_validation_batch_end(
        self, trainer: pl.Trainer, classifier: pl.LightningModule, outputs: torch.Tensor, batch: Any, number: int
    ) -> None:
        if not outputs.isfinite().all():
            features, clip, targets = batch
            windows = is_finite(features)
            stop_training("val", trainer, number, [bool(windows[clip == each].all()) for each in range(len(targets))])


def is_finite(features: torch.Tensor) -> torch.Tensor:
    """Shape: (batch, frames, values) → (batch,) bool."""
    return features.isfinite().flatten(1).all(dim=1)


def stop_training(part: str, trainer: pl.Trainer, number: int, finite: Sequence[bool]) -> None:
    keys = trainer.datamodule.keys_of(part, number)
    bad = [key for key, whole in zip(keys, finite, strict=True) if not whole] if keys else []
    if bad:
        raise not_finite(trainer.datamodule.store.folder, bad)
    place = f"epoch {trainer.current_epoch}, batch {number}"
    clips = f" (clips {', '.join(keys)})" if keys else ""
    raise LossError(
        f"the loss of {part} is not finite in {place}{clips}; the features are, so the weights have grown without "
        "bound: try a lower learning rate"
    )


def not_finite(source: object, keys: Sequence[str]) -> StoreError:
    """The error for a store whose features of these clips are not finite."""
    return StoreError(f"{source} has features that are not finite, for clips {', '.join(keys)}: decode them again")
