"""CRNN: convolutions that pool over frequency, then gated recurrent units over time (Çakır et al., "Convolutional
recurrent neural networks for polyphonic sound event detection", 2017).
"""

from typing import Annotated

import torch
from annotated_types import Ge, Lt, MinLen
from pydantic import validate_call
from torch import nn

from models.architectures.sizes import Size


class CRNN(nn.Module):
    """Shape: (batch, values, frames) → (batch, groups), from the mean of the recurrent states.

    Each convolution halves the bands; the first one also halves the frames.
    """

    @validate_call
    def __init__(
        self,
        values: int,
        frames: int,
        groups: int,
        channels: Annotated[list[Size], MinLen(1)],
        hidden: Size,
        dropout: Annotated[float, Ge(0), Lt(1)],
    ):
        super().__init__()
        count = len(channels)
        if values < 2**count:
            raise ValueError(
                f"channels has {count} convolutions, which need {2**count} values a frame: here are {values}"
            )
        blocks = []
        for number, (before, after) in enumerate(zip([1, *channels], channels, strict=False)):
            stride = 2 if number == 0 else (2, 1)
            convolution = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
            blocks += [convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.Dropout2d(dropout / 2)]
        self.convolutions = nn.Sequential(*blocks)
        bands = -(-values // 2**count)
        self.recurrent = nn.GRU(channels[-1] * bands, hidden, batch_first=True, bidirectional=True)
        self.classify = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * hidden, groups))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        pictures = self.convolutions(features[:, None])  # (B, C, M', T / 2)
        states, _ = self.recurrent(pictures.flatten(1, 2).transpose(1, 2))  # (B, T / 2, 2 H)
        return self.classify(states.mean(dim=1))
