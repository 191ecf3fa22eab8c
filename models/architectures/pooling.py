"""Pooling: from a sequence to one vector."""

import torch
from torch import nn

TINY = 1e-8  # added to a variance, so that the gradient of its root is finite at 0


class AttentiveStatistics(nn.Module):
    """Mean and standard deviation over time, weighted by the attention that each channel pays to each frame, given the
    whole sequence (Okabe, Koshinaka, Shinoda 2018; with channels and context as in Desplanques, Thienpondt, Demuynck
    2020).

    Shape: (batch, channels, T) → (batch, 2 × channels).
    """

    def __init__(self, channels: int, attention: int):
        super().__init__()
        self.attend = nn.Sequential(
            nn.Conv1d(3 * channels, attention, 1),
            nn.Tanh(),
            nn.Conv1d(attention, channels, 1),
            nn.Softmax(dim=2),
        )

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        even = torch.full_like(sequence, 1 / sequence.shape[2])
        context = statistics(sequence, even)[:, :, None].expand(-1, -1, sequence.shape[2])  # (B, 2 C, T)
        return statistics(sequence, self.attend(torch.cat([sequence, context], dim=1)))


def statistics(sequence: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted mean and standard deviation over time. Shape: (B, C, T), (B, C, T) → (B, 2 C)."""
    mean = (sequence * weights).sum(dim=2)
    variance = ((sequence - mean[:, :, None]) ** 2 * weights).sum(dim=2)
    return torch.cat([mean, variance.clamp_min(1e-5).sqrt()], dim=1)


def moments(sequence: torch.Tensor, deviation: bool) -> torch.Tensor:
    """The mean over time and, with `deviation`, the standard deviation (of the frames at hand, so 0 for one frame).

    Shape: (B, C, T) → (B, C), or (B, 2 C).
    """
    mean = sequence.mean(dim=2)
    if not deviation:
        return mean
    variance = (sequence - mean[:, :, None]).square().mean(dim=2)
    return torch.cat([mean, (variance + TINY).sqrt()], dim=1)
