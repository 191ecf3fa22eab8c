"""MLP: a classifier with one hidden layer, of each value's mean over time."""

from typing import Annotated

import torch
from annotated_types import Ge, Lt
from pydantic import validate_call
from torch import nn

from models.architectures.pooling import moments
from models.architectures.sizes import Size


class MLP(nn.Module):
    """Shape: (batch, values, frames) → (batch, groups).

    `deviation` adds each value's standard deviation over time. What is pooled is standardised over the training clips.
    """

    @validate_call
    def __init__(
        self,
        values: int,
        frames: int,
        groups: int,
        deviation: bool,
        hidden: Size,
        dropout: Annotated[float, Ge(0), Lt(1)],
    ):
        super().__init__()
        self.deviation = deviation
        size = (1 + deviation) * values
        self.classify = nn.Sequential(
            nn.BatchNorm1d(size, affine=False),
            nn.Dropout(dropout),
            nn.Linear(size, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, groups),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.classify(moments(features, self.deviation))  # (B, V, T) → (B, V or 2 V) → (B, G)
