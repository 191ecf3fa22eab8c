"""Classifier: an architecture with its normalisation and its loss; how it learns and is judged."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import nn
from torch.nn import functional
from torchaudio.transforms import SpecAugment
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix

from models.calibration import TINY
from models.recipe import Masks, Recipe

SHARPNESS = 0.5  # of ordinal labels: of six groups, the true one gets about a third


class Normalised(nn.Module):
    """A network that takes features as the store has them, and scales each mel band to mean 0 and deviation 1 over
    train.

    Shape: (batch, frames, values) float16 → (batch, groups) logits.
    """

    def __init__(self, net: nn.Module, mean: np.ndarray, deviation: np.ndarray):
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.as_tensor(mean))
        self.register_buffer("deviation", torch.as_tensor(deviation))

    def normalise(self, features: torch.Tensor) -> torch.Tensor:
        return ((features.float() - self.mean) / self.deviation).transpose(1, 2)  # (B, T, M) → (B, M, T)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.net(self.normalise(features))


class Classifier(LightningModule):
    """Learns from crops by cross-entropy, with labels that may be soft. It is judged on whole clips, by the mean
    probability over their windows.
    """

    def __init__(self, model: Normalised, groups: Sequence[str], recipe: Recipe):
        super().__init__()
        self.model, self.groups, self.recipe = model, list(groups), recipe
        count = len(groups)
        self.augment = spec_augment(recipe.spec_augment)
        self.register_buffer("labels", labels(count, recipe.loss), persistent=False)
        self.register_buffer("prior", prior(self.labels), persistent=False)
        self.train_accuracy = MulticlassAccuracy(count, average="micro")
        self.val_accuracy = MulticlassAccuracy(count, average="micro")
        self.val_recall = MulticlassAccuracy(count, average="macro")
        self.val_confusion = MulticlassConfusionMatrix(count)
        self.val_loss = MeanMetric()

    def on_train_batch_start(self, batch: tuple[torch.Tensor, torch.Tensor], number: int) -> None:
        """Everything random in an epoch follows from (seed, epoch, rank).

        Not in `on_train_epoch_start`, which Lightning 2.6 skips for the first epoch of a resumed run.
        """
        if number:
            return
        state = np.random.SeedSequence([self.recipe.seed, self.current_epoch, self.global_rank])
        torch.manual_seed(int(state.generate_state(1)[0]))

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        features, targets = batch
        logits = self.model.net(self.augment(self.model.normalise(features)))
        loss = functional.cross_entropy(logits + self.prior, self.labels[targets])
        self.train_accuracy(logits, targets)
        size = len(targets)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=size, sync_dist=True)
        self.log("train_accuracy", self.train_accuracy, on_step=False, on_epoch=True, batch_size=size, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """The probabilities of each clip, (batch, groups); val_loss is their cross-entropy, whatever train uses."""
        features, clip, targets = batch
        probabilities = clip_probabilities(self.model(features), clip, len(targets))
        right = probabilities.gather(1, targets[:, None])
        self.val_loss(-right.clamp_min(TINY).log())
        self.val_accuracy(probabilities, targets)
        self.val_recall(probabilities, targets)
        self.val_confusion.update(probabilities, targets)
        size = len(targets)
        self.log("val_loss", self.val_loss, batch_size=size, prog_bar=True)
        self.log("val_accuracy", self.val_accuracy, batch_size=size)
        self.log("val_macro_recall", self.val_recall, batch_size=size, prog_bar=True)
        return probabilities

    def configure_optimizers(self) -> dict:
        """AdamW; the learning rate rises over the first epoch, then falls along a cosine."""
        recipe = self.recipe
        optimizer = torch.optim.AdamW(self.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
        steps = self.trainer.estimated_stepping_batches
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: warm_cosine(step, steps // recipe.max_epochs, steps)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def labels(groups: int, loss: str) -> torch.Tensor:
    """The target probabilities for each group's clips, a row per group.

    `ordinal` shares them with the neighbours: the softmax of −SHARPNESS × the distance in groups (Díaz and Marathe,
    "Soft labels for ordinal regression", 2019). Shape: (groups, groups).
    """
    if loss == "cross_entropy":
        return torch.eye(groups)
    number = torch.arange(groups, dtype=torch.float32)
    return (-SHARPNESS * (number[:, None] - number).abs()).softmax(dim=1)


def prior(labels: torch.Tensor) -> torch.Tensor:
    """What training adds to the logits, so that without it all groups are equally likely: the logarithm of each group's
    mean label, times the number of groups (Menon et al. 2021, "Long-tail learning via logit adjustment").

    Ordinal labels favour the middle: the first and the last group have neighbours on one side only. Shape: (groups,).
    """
    return (len(labels) * labels.mean(dim=0)).log()


def warm_cosine(step: int, warm_up: int, steps: int) -> float:
    """The share of the peak learning rate at a step (Loshchilov & Hutter 2017, without restarts)."""
    if step < warm_up:
        return (step + 1) / (warm_up + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1, (step - warm_up) / max(1, steps - warm_up))))


def spec_augment(masks: Masks | None) -> nn.Module:
    if masks is None:
        return nn.Identity()
    return SpecAugment(
        n_time_masks=masks.time_masks,
        time_mask_param=masks.time_width,
        n_freq_masks=masks.band_masks,
        freq_mask_param=masks.band_width,
        zero_masking=True,  # zero is the mean, after normalisation
    )


def clip_probabilities(logits: torch.Tensor, clip: torch.Tensor, clips: int) -> torch.Tensor:
    """The mean probability over the windows of each clip.

    Shape: (windows, groups), (windows,) the clip of each window → (clips, groups).
    """
    probabilities = logits.float().softmax(dim=1)
    sums = probabilities.new_zeros(clips, logits.shape[1]).index_add(0, clip, probabilities)
    return sums / torch.bincount(clip, minlength=clips)[:, None]
