"""RNN: a plain recurrent network with tanh units (Elman, "Finding structure in time", 1990)."""

from typing import Annotated

import torch
from annotated_types import Ge, Lt
from pydantic import validate_call
from torch import nn

from models.architectures.sizes import Depth, Size


class RNN(nn.Module):
    """Shape: (batch, values, frames) → (batch, groups), from the mean of the last layer's states."""

    @validate_call
    def __init__(
        self,
        values: int,
        frames: int,
        groups: int,
        hidden: Size,
        layers: Depth,
        dropout: Annotated[float, Ge(0), Lt(1)],
    ):
        super().__init__()
        between = dropout if layers > 1 else 0
        self.recurrent = nn.RNN(values, hidden, layers, nonlinearity="tanh", dropout=between, batch_first=True)
        self.classify = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, groups))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        states, _ = self.recurrent(features.transpose(1, 2))  # (B, T, H)
        return self.classify(states.mean(dim=1))
