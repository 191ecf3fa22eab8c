"""Hardware: settings of the machine that trains: how fast it learns, never what.

Torch is imported only when used, because stages without it read these settings too.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, MinLen

ROOM = 0.6  # share of a GPU's free memory that features may take


@dataclass(frozen=True)
class Hardware:
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: Literal["auto"] | Annotated[int, Ge(1)] = "auto"
    num_nodes: Annotated[int, Ge(1)] = 1
    strategy: Annotated[str, MinLen(1)] = "auto"
    compile: bool = False
    features: Literal["auto", "device", "store"] = "auto"
    loader_workers: Annotated[int, Ge(0)] = 0

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid", "strict": True}

    @property
    def gpu(self) -> bool:
        """Whether encoders are to run on a GPU: only if told so, since their last digits are others there."""
        return self.accelerator == "gpu"

    @property
    def device(self) -> str:
        """cuda if there is one and `accelerator` does not forbid it; else cpu."""
        import torch

        return "cuda" if self.accelerator != "cpu" and torch.cuda.is_available() else "cpu"

    def holds(self, size: int) -> bool:
        """Whether to keep features of `size` bytes on the device."""
        if self.features != "auto":
            return self.features == "device"
        import torch

        return self.device == "cuda" and size < ROOM * torch.cuda.mem_get_info()[0]
