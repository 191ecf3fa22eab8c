"""Training: fits a classifier with Lightning, so that a run that was killed ends like an unbroken one."""

import logging
import sys
import warnings
from pathlib import Path
from time import perf_counter
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger

from models.hardware import Hardware
from models.learning.board import Board
from models.learning.checkpoints import BEST, WholeCheckpoints, latest
from models.learning.classifier import Classifier
from models.learning.data import VoiceData
from models.learning.epoch_lines import EpochLines
from models.learning.finite import Finite
from models.learning.streaming import StreamedData
from models.recipe import Recipe

PRINTED = ("train_loss", "train_accuracy", "val_loss", "val_macro_recall")


class History(Callback):
    """Keeps and prints every epoch's scalars, and keeps its seconds; a resumed run finds them in its checkpoint."""

    def __init__(self):
        self.rows: list[dict[str, float]] = []
        self.seconds: list[float] = []

    def on_train_start(self, trainer: pl.Trainer, classifier: pl.LightningModule) -> None:
        self.since = perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, classifier: pl.LightningModule) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.rows.append({"epoch": trainer.current_epoch} | dict(sorted(metrics.items())))
        now = perf_counter()
        self.seconds.append(now - self.since)
        self.since = now
        shown = ", ".join(f"{name} {metrics[name]:.3f}" for name in PRINTED)
        classifier.print(f"epoch {trainer.current_epoch:3d}: {shown}")

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rows, self.seconds = state["rows"], state["seconds"]


def fit(
    classifier: Classifier,
    data: VoiceData | StreamedData,
    folder: Path,
    logs: Path,
    hardware: Hardware,
    settings: dict[str, Any],
) -> History:
    """Train until `monitor` has not improved for `patience` epochs, and leave the classifier at its best epoch. If
    `monitor` is the epoch, that is the last one.

    Checkpoints go to `folder`, and a run that finds its last one there goes on from it. What TensorBoard shows goes to
    `logs`, with `settings` beside the score. Raises LossError for a loss that is not finite.
    """
    quieten_lightning()
    recipe = classifier.recipe
    history = History()
    each_epoch = {"save_on_train_epoch_end": True, "enable_version_counter": False}
    callbacks = [
        Finite(),
        history,
        LearningRateMonitor("epoch"),
        Board(classifier.groups, settings),
        ModelCheckpoint(folder, "best", recipe.monitor, mode=recipe.better, **each_epoch),
        ModelCheckpoint(folder, "last", **each_epoch),  # save_last would write it only at better epochs
    ]
    if recipe.monitor != "epoch":
        callbacks.append(EarlyStopping(recipe.monitor, patience=recipe.patience, mode=recipe.better))
    if not sys.stderr.isatty():
        callbacks.append(EpochLines())
    if hardware.compile:
        classifier.model.net.compile()
    trainer = pl.Trainer(
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        num_nodes=hardware.num_nodes,
        strategy=hardware.strategy,
        precision="bf16-mixed" if hardware.device == "cuda" else "32-true",
        max_epochs=recipe.max_epochs,
        gradient_clip_val=recipe.gradient_norm,
        accumulate_grad_batches=recipe.accumulate,
        logger=TensorBoardLogger(logs.parent, logs.name, version=""),
        callbacks=callbacks,
        plugins=WholeCheckpoints(),
        log_every_n_steps=1_000_000,  # epochs are compared, not steps
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=int(isinstance(data, StreamedData)),  # each epoch is a new stream
        use_distributed_sampler=False,  # CropSampler knows the ranks
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
    )
    last, state = latest(folder, {name: each.shape for name, each in classifier.state_dict().items()})
    if last:
        history.load_state_dict(state["callbacks"]["History"])
        data.first_epoch = len(history.rows)
    if not is_over(history.rows, recipe):
        trainer.fit(classifier, data, ckpt_path=last, weights_only=True)
    best = torch.load(folder / BEST, map_location="cpu", weights_only=True)
    classifier.load_state_dict(best["state_dict"])
    return history


def is_over(rows: list[dict[str, float]], recipe: Recipe) -> bool:
    """Whether these are the epochs of a run that had already ended when it was killed."""
    if not rows:
        return False
    return len(rows) == recipe.max_epochs or len(rows) - 1 - kept_epoch(rows, recipe) >= recipe.patience


def kept_epoch(rows: list[dict[str, float]], recipe: Recipe) -> int:
    """The first epoch at which `monitor` was best."""
    values = [row[recipe.monitor] for row in rows]
    return values.index(min(values) if recipe.better == "min" else max(values))


def quieten_lightning() -> None:
    """Silence advice that does not apply: batches come whole from the store, which needs no workers."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", "The '.*_dataloader' does not have many workers")
    warnings.filterwarnings("ignore", "Checkpoint directory .* exists")
    warnings.filterwarnings("ignore", "The number of training batches")
    warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated")
