"""Layers: a linear classifier of a weighted sum of an encoder's layers, whose weights are learned (as in Yang et al.,
"SUPERB: Speech processing universal performance benchmark", 2021).
"""

import torch
from pydantic import validate_call
from torch import nn

from models.architectures.pooling import moments
from models.architectures.sizes import Depth


class Layers(nn.Module):
    """Shape: (batch, values, frames) → (batch, groups).

    The values of a frame are those of `layers` layers, one after the other. They are pooled over time as in `Linear`,
    and standardised before they are summed; otherwise, layers of large values would count most. All layers start with
    the same weight, and the classifier with zeros, so every group is equally likely at first.
    """

    @validate_call
    def __init__(self, values: int, frames: int, groups: int, layers: Depth, deviation: bool):
        super().__init__()
        if values % layers:
            raise ValueError(f"layers is {layers}: it must divide the {values} values of a frame")
        self.deviation = deviation
        self.shape = (1 + deviation, layers, values // layers)
        self.standardise = nn.BatchNorm1d((1 + deviation) * values, affine=False)
        self.weights = nn.Parameter(torch.zeros(layers))
        self.classify = nn.Linear((1 + deviation) * values // layers, groups)
        nn.init.zeros_(self.classify.weight)
        nn.init.zeros_(self.classify.bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        pooled = self.standardise(moments(features, self.deviation))  # (B, V or 2 V)
        summed = self.weights.softmax(dim=0) @ pooled.unflatten(1, self.shape)  # (B, 1 or 2, V / L)
        return self.classify(summed.flatten(1))
