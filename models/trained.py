"""Trained: a model on disk, with all that is needed to repeat what it was trained on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from features.logmel import FrontEnd
from models.architectures import build
from models.classifier import Normalised


@dataclass(frozen=True)
class Config:
    """What `config.json` says of a model."""

    architecture: str
    settings: dict[str, Any]
    groups: list[str]  # in order
    frames: int  # of a window
    front_end: FrontEnd
    mean: list[float]  # of each mel band over train
    deviation: list[float]
    years: list[float]  # the mean age of each group in train
    temperature: float = 1.0  # of the probabilities (see calibration.tempered), fitted on val

    def build(self) -> Normalised:
        """The model with fresh weights."""
        net = build(self.architecture, self.settings, self.front_end.n_mels, self.frames, len(self.groups))
        return Normalised(net, np.float32(self.mean), np.float32(self.deviation))


def save(model: Normalised, config: Config, folder: Path) -> None:
    torch.save(model.net.state_dict(), folder / "model.pth")
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n")


def config_of(values: dict) -> Config:
    return Config(**values | {"front_end": FrontEnd(**values["front_end"])})


def load(folder: Path) -> tuple[Normalised, Config]:
    """The model that `save` wrote, ready to judge."""
    config = config_of(json.loads((folder / "config.json").read_text()))
    model = config.build()
    model.net.load_state_dict(torch.load(folder / "model.pth", map_location="cpu", weights_only=True))
    return model.eval(), config
