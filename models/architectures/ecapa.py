"""ECAPA-TDNN: dilated convolutions in squeezed residual blocks, joined and pooled with attention (Desplanques,
Thienpondt, Demuynck, "ECAPA-TDNN: Emphasized channel attention, propagation and aggregation in TDNN based speaker
verification", 2020).
"""

from typing import Annotated

import torch
from annotated_types import Ge, Lt
from pydantic import validate_call
from torch import nn

from models.architectures.pooling import AttentiveStatistics
from models.architectures.sizes import Size

DILATIONS = (2, 3, 4)


class ECAPA(nn.Module):
    """Shape: (batch, values, frames) → (batch, groups). `scale` must divide `channels`."""

    @validate_call
    def __init__(
        self,
        values: int,
        frames: int,
        groups: int,
        channels: Size,
        scale: Annotated[int, Ge(2)],
        embedding: Size,
        dropout: Annotated[float, Ge(0), Lt(1)],
    ):
        super().__init__()
        if channels % scale:
            raise ValueError(f"scale is {scale}: it must divide channels, {channels}")
        self.begin = convolution(values, channels, kernel=5)
        self.blocks = nn.ModuleList(SERes2Block(channels, scale, dilation) for dilation in DILATIONS)
        joined = len(DILATIONS) * channels
        self.join = nn.Sequential(nn.Conv1d(joined, joined, 1), nn.ReLU())
        self.pool = AttentiveStatistics(joined, channels // 2)
        self.classify = nn.Sequential(
            nn.BatchNorm1d(2 * joined),
            nn.Linear(2 * joined, embedding),
            nn.BatchNorm1d(embedding),
            nn.Dropout(dropout),
            nn.Linear(embedding, groups),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        sequence, outcomes = self.begin(features), []  # (B, C, T)
        for block in self.blocks:
            sequence = block(sequence)
            outcomes.append(sequence)
        return self.classify(self.pool(self.join(torch.cat(outcomes, dim=1))))


class SERes2Block(nn.Module):
    """A Res2Net block whose channels are weighted by the whole sequence. Shape: (batch, channels, T) → the same."""

    def __init__(self, channels: int, scale: int, dilation: int):
        super().__init__()
        width = channels // scale
        self.before, self.after = convolution(channels, channels), convolution(channels, channels)
        self.steps = nn.ModuleList(convolution(width, width, 3, dilation) for _ in range(scale - 1))
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool1d(1),
            nn.Conv1d(channels, channels // 4, 1),
            nn.ReLU(),
            nn.Conv1d(channels // 4, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        first, *others = self.before(sequence).chunk(len(self.steps) + 1, dim=1)
        outcomes, last = [first], 0
        for step, part in zip(self.steps, others, strict=True):
            last = step(part + last)
            outcomes.append(last)
        outcome = self.after(torch.cat(outcomes, dim=1))
        return sequence + outcome * self.weigh(outcome)


def convolution(before: int, after: int, kernel: int = 1, dilation: int = 1) -> nn.Sequential:
    """Shape: (B, before, T) → (B, after, T)."""
    return nn.Sequential(
        nn.Conv1d(before, after, kernel, dilation=dilation, padding="same"), nn.ReLU(), nn.BatchNorm1d(after)
    )
