"""Epoch lines: the progress of an epoch, for a log; on a terminal Lightning draws its own bar."""

import math
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from features.running.progress import Lines


class EpochLines(Callback):
    """Prints the progress over the batches of train and of val in each epoch, on the first rank only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock = clock

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self.train = self.lines("train", trainer, trainer.num_training_batches)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_global_zero:
            self.train.update()

    def on_validation_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self.val = self.lines("val", trainer, trainer.num_val_batches[0])

    def on_validation_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.is_global_zero:
            self.val.update()

    def lines(self, what: str, trainer: pl.Trainer, batches: float) -> Lines:
        """`batches` is infinite if a stream does not say how many it has."""
        total = None if math.isinf(batches) else int(batches)
        return Lines(f"{what}, epoch {trainer.current_epoch}", total, "batches", self.clock)
