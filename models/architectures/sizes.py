"""Sizes: limits on the settings of architectures, so that a stranger's model cannot ask for all the memory."""

from typing import Annotated

from annotated_types import Ge, Le

Size = Annotated[int, Ge(1), Le(4096)]  # channels, units
Depth = Annotated[int, Ge(1), Le(64)]  # layers
Kernel = Annotated[int, Ge(3), Le(1001)]  # frames
