"""Linear: a linear classifier of each value's mean over time; for features that say much by themselves."""

import torch
from pydantic import validate_call
from torch import nn

from models.architectures.pooling import moments


class Linear(nn.Module):
    """Shape: (batch, values, frames) → (batch, groups).

    `deviation` adds each value's standard deviation over time. What is pooled is standardised over the training clips.
    All weights start at zero, so every group is equally likely at first.
    """

    @validate_call
    def __init__(self, values: int, frames: int, groups: int, deviation: bool):
        super().__init__()
        self.deviation = deviation
        size = (1 + deviation) * values
        self.standardise = nn.BatchNorm1d(size, affine=False)
        self.classify = nn.Linear(size, groups)
        nn.init.zeros_(self.classify.weight)
        nn.init.zeros_(self.classify.bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.classify(self.standardise(moments(features, self.deviation)))  # (B, V, T) → (B, V or 2 V) → (B, G)
