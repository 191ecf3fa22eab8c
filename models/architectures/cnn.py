"""CNN: three convolutions and one fully connected layer on the log-mel as an image, as in the seed project."""

from typing import Annotated

import torch
from annotated_types import Ge, Len, Lt
from pydantic import validate_call
from torch import nn

from models.architectures.sizes import Size, check_frames

FEWEST = 11  # of frames and of values, that strides and kernels leave something of


class CNN(nn.Module):
    """Shape: (batch, values, frames) → (batch, groups)."""

    @validate_call
    def __init__(
        self,
        values: int,
        frames: int,
        groups: int,
        channels: Annotated[list[Size], Len(3, 3)],
        dropout: Annotated[float, Ge(0), Lt(1)],
    ):
        super().__init__()
        check_frames(frames, FEWEST)
        if values < FEWEST:
            raise ValueError(f"channels need at least {FEWEST} values a frame: here are {values}")
        first, second, third = channels
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, first, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.BatchNorm2d(first),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2, stride=1),
            nn.Conv2d(second, third, 2),
            nn.ReLU(),
            nn.BatchNorm2d(third),
        )
        with torch.no_grad():
            size = self.convolutions.eval()(torch.zeros(1, 1, values, frames)).numel()
        self.convolutions.train()
        self.classify = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(size, groups))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.classify(self.convolutions(features[:, None]))  # (B, V, T) → (B, C, M / 4, T / 4) → (B, G)
