"""TCN: residual blocks of dilated convolutions (Bai, Kolter, Koltun, "An empirical evaluation of generic
convolutional and recurrent networks for sequence modeling", 2018), centred, since the whole crop is available.
"""

from typing import Annotated

import torch
from annotated_types import Ge, Lt
from pydantic import validate_call
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from models.architectures.sizes import Kernel, Size


class TCN(nn.Module):
    """Shape: (batch, values, frames) → (batch, groups), from the mean over time.

    Dilations double from block to block until the receptive field covers the whole crop. `kernel` must be odd, 3 or
    more.
    """

    @validate_call
    def __init__(
        self,
        values: int,
        frames: int,
        groups: int,
        channels: Size,
        kernel: Kernel,
        dropout: Annotated[float, Ge(0), Lt(1)],
    ):
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}: it must be odd")
        blocks, self.receptive_field = [], 1
        while self.receptive_field < max(frames, 2):  # at least one block
            dilation = 2 ** len(blocks)
            blocks.append(TemporalBlock(channels if blocks else values, channels, kernel, dilation, dropout))
            self.receptive_field += 2 * (kernel - 1) * dilation
        self.blocks = nn.Sequential(*blocks)
        self.classify = nn.Linear(channels, groups)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.classify(self.blocks(features).mean(dim=2))  # (B, V, T) → (B, C, T) → (B, G)


class TemporalBlock(nn.Module):
    """Two weight-normed dilated convolutions and a shortcut. Shape: (batch, before, T) → (batch, after, T)."""

    def __init__(self, before: int, after: int, kernel: int, dilation: int, dropout: float):
        super().__init__()
        settings = {"kernel_size": kernel, "dilation": dilation, "padding": "same"}
        self.convolutions = nn.Sequential(
            weight_norm(nn.Conv1d(before, after, **settings)),
            nn.ReLU(),
            nn.Dropout(dropout),
            weight_norm(nn.Conv1d(after, after, **settings)),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.shortcut = nn.Identity() if before == after else nn.Conv1d(before, after, 1)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.convolutions(sequence) + self.shortcut(sequence))
