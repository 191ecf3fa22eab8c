"""Windows: where those of a voice encoder begin, in operations that an exporter can trace for any length of clip."""

import torch
from torch import Tensor


def window_starts(frames: int, window: int, step: int) -> Tensor:
    """Where windows begin, `step` frames apart; a last one ends at the last frame. Shape: (windows,).

    `frames` is at least `window`.
    """
    last = frames - window
    return torch.arange(0, last + step, step).clamp(max=last)


def missing_from(samples: Tensor, least: int) -> Tensor:
    """How many samples a clip lacks of `least`. Shape: (1, samples)."""
    return (least - torch.scalar_tensor(samples.shape[1], dtype=torch.int64)).clamp(min=0)
