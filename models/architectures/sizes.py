"""Sizes: limits on the settings of architectures, so that a stranger's model cannot ask for all the memory, and on how
short a crop may be.
"""

from typing import Annotated

from annotated_types import Ge, Le

Size = Annotated[int, Ge(1), Le(4096)]  # channels, units
Depth = Annotated[int, Ge(1), Le(64)]  # layers
Kernel = Annotated[int, Ge(3), Le(1001)]  # frames


class ShortCropError(ValueError):
    """A crop of fewer frames than an architecture needs."""


def check_frames(frames: int, fewest: int) -> None:
    """Raises ShortCropError for fewer frames than `fewest`."""
    if frames < fewest:
        raise ShortCropError(f"needs at least {fewest} frames a crop")
