"""Conformer: alternating self-attention and convolution (Gulati et al., "Conformer: Convolution-augmented transformer
for speech recognition", 2020), made of torchaudio's blocks, over every fourth frame.
"""

from typing import Annotated

import torch
import torchaudio
from annotated_types import Ge, Lt
from pydantic import validate_call
from torch import nn

from models.architectures.pooling import AttentiveStatistics
from models.architectures.sizes import Depth, Kernel, Size


class Conformer(nn.Module):
    """Shape: (batch, values, frames) → (batch, groups). `heads` must divide `dimension`; `kernel` must be odd."""

    @validate_call
    def __init__(
        self,
        values: int,
        frames: int,
        groups: int,
        dimension: Size,
        heads: Size,
        layers: Depth,
        kernel: Kernel,
        dropout: Annotated[float, Ge(0), Lt(1)],
    ):
        super().__init__()
        if dimension % heads:
            raise ValueError(f"heads is {heads}: it must divide dimension, {dimension}")
        if kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}: it must be odd")
        self.begin = nn.Sequential(
            nn.Conv1d(values, dimension, 5, stride=2, padding=2),
            nn.SiLU(),
            nn.Conv1d(dimension, dimension, 5, stride=2, padding=2),
            nn.SiLU(),
        )
        self.blocks = torchaudio.models.Conformer(dimension, heads, 4 * dimension, layers, kernel, dropout)
        self.pool = AttentiveStatistics(dimension, dimension // 2)
        self.classify = nn.Sequential(
            nn.BatchNorm1d(2 * dimension), nn.Dropout(dropout), nn.Linear(2 * dimension, groups)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        sequence = self.begin(features).transpose(1, 2)  # (B, T / 4, D)
        whole = torch.full((len(sequence),), sequence.shape[1], device=sequence.device)
        states, _ = self.blocks(sequence, whole)
        return self.classify(self.pool(states.transpose(1, 2)))
