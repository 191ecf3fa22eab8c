"""ResNet: a thin residual network of 34 layers on the log-mel as an image (He et al., "Deep residual learning for image
recognition", 2016; thin as in Chung et al., "In defence of metric learning for speaker recognition", 2020), with
attentive statistics over time.
"""

from typing import Annotated

import torch
from annotated_types import Ge, Len, Lt
from pydantic import validate_call
from torch import nn

from models.architectures.pooling import AttentiveStatistics
from models.architectures.sizes import Size

BLOCKS = (3, 4, 6, 3)


class ResNet(nn.Module):
    """Shape: (batch, values, frames) → (batch, groups). `channels` are those of the four stages."""

    @validate_call
    def __init__(
        self,
        values: int,
        frames: int,
        groups: int,
        channels: Annotated[list[Size], Len(4, 4)],
        dropout: Annotated[float, Ge(0), Lt(1)],
    ):
        super().__init__()
        self.begin = nn.Sequential(
            nn.Conv2d(1, channels[0], 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(channels[0]), nn.ReLU()
        )
        stages, before = [], channels[0]
        for stage, (count, after) in enumerate(zip(BLOCKS, channels, strict=True)):
            for number in range(count):
                stages.append(ResidualBlock(before, after, stride=2 if stage and number == 0 else 1))
                before = after
        self.stages = nn.Sequential(*stages)
        bands = values
        for _ in range(4):
            bands = (bands + 1) // 2
        self.pool = AttentiveStatistics(before * bands, before)
        self.classify = nn.Sequential(
            nn.BatchNorm1d(2 * before * bands), nn.Dropout(dropout), nn.Linear(2 * before * bands, groups)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        pictures = self.stages(self.begin(features[:, None]))  # (B, C, M / 16, T / 16)
        return self.classify(self.pool(pictures.flatten(1, 2)))


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut. Shape: (B, before, M, T) → (B, after, M / stride, T / stride)."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Identity()
        if (before, 1) != (after, stride):
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.convolutions(pictures) + self.shortcut(pictures))
