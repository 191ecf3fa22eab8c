"""Cepstral: a linear classifier of the mean, spread and speed of cepstra; for few speakers.

Mel cepstra as in Davis and Mermelstein, "Comparison of parametric representations for monosyllabic word recognition",
1980.
"""

from typing import Annotated

import torch
from annotated_types import Ge, Len
from pydantic import PositiveInt, validate_call
from torch import nn
from torchaudio.functional import create_dct

from models.architectures.sizes import check_frames


class Cepstral(nn.Module):
    """Shape: (batch, values, frames) → (batch, groups).

    It sees the first `cepstra` (at most as many as there are bands): their mean over time, except for the first, which
    is how loud a clip is; their standard deviation; and their mean absolute change over each of `lags` frames. All
    weights start at zero, so that all groups start equally likely.
    """

    @validate_call
    def __init__(
        self,
        values: int,
        frames: int,
        groups: int,
        cepstra: Annotated[int, Ge(2)],
        lags: Annotated[list[PositiveInt], Len(1, 64)],
    ):
        super().__init__()
        check_frames(frames, max(lags) + 1)
        count = min(cepstra, values)
        self.lags = lags
        self.register_buffer("basis", create_dct(count, values, "ortho").T, persistent=False)  # (C, M)
        size = (2 + len(lags)) * count - 1
        self.classify = nn.Sequential(nn.BatchNorm1d(size), nn.Linear(size, groups))
        nn.init.zeros_(self.classify[1].weight)
        nn.init.zeros_(self.classify[1].bias)

    def forward(self, logmel: torch.Tensor) -> torch.Tensor:
        cepstra = self.basis @ logmel  # (B, C, T)
        changes = [(cepstra[:, :, lag:] - cepstra[:, :, :-lag]).abs().mean(dim=2) for lag in self.lags]
        return self.classify(torch.cat([cepstra.mean(dim=2)[:, 1:], cepstra.std(dim=2), *changes], dim=1))
