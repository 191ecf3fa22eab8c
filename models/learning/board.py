"""Board: what TensorBoard shows besides the scalars."""

from typing import Any

import pytorch_lightning as pl
import torch
from matplotlib.figure import Figure
from pytorch_lightning.callbacks import Callback

from models.judging.pictures import confusion_figure, logmel_figure

PICTURED = 4  # clips
EVERY = 5  # epochs; drawing every epoch took 40 % of training time on a small corpus


class Board(Callback):
    """Every few epochs, val's confusion matrix and a few of its clips with their predictions; at the end, the settings
    beside the best score.
    """

    def __init__(self, groups: list[str], settings: dict[str, Any]):
        self.groups, self.settings = groups, settings

    def on_validation_batch_end(
        self, trainer: pl.Trainer, classifier: pl.LightningModule, probabilities: torch.Tensor, batch: Any, number: int
    ) -> None:
        if number or not is_due(trainer):
            return
        features, clip, targets = batch
        for row in range(min(PICTURED, len(targets))):
            group = int(probabilities[row].argmax())
            title = f"{self.groups[targets[row]]}, judged {self.groups[group]} ({probabilities[row, group]:.0%})"
            window = features[clip == row][0].float().cpu().numpy()
            add_figure(trainer, f"val clip {row}", logmel_figure(window, title))

    def on_validation_epoch_end(self, trainer: pl.Trainer, classifier: pl.LightningModule) -> None:
        counts = classifier.val_confusion.compute().cpu().numpy()
        classifier.val_confusion.reset()
        if is_due(trainer):
            add_figure(trainer, "val confusion", confusion_figure(counts, self.groups, "Val clips"))

    def on_fit_end(self, trainer: pl.Trainer, classifier: pl.LightningModule) -> None:
        best = trainer.checkpoint_callback.best_model_score
        if best is not None:
            values = {name: str(value) for name, value in self.settings.items()}
            trainer.logger.log_hyperparams(values, {f"best/{classifier.recipe.monitor}": float(best)})


def is_due(trainer: pl.Trainer) -> bool:
    return trainer.is_global_zero and trainer.current_epoch % EVERY == 0


def add_figure(trainer: pl.Trainer, name: str, figure: Figure) -> None:
    trainer.logger.experiment.add_figure(name, figure, trainer.current_epoch, close=False)
