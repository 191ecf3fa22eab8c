"""Trained: a model on disk, beside its config."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from models.architectures import build
from models.classifier import Normalised
from models.config import Config, read_config


def fresh(config: Config) -> Normalised:
    """The model of a config, with fresh weights."""
    net = build(config.architecture, config.settings, config.front_end.n_mels, config.frames, len(config.groups))
    return Normalised(net, np.float32(config.mean), np.float32(config.deviation))


def save(model: Normalised, config: Config, folder: Path) -> None:
    torch.save(model.net.state_dict(), folder / "model.pth")
    write_config(config, folder)


def write_config(config: Config, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> tuple[Normalised, Config]:
    """The model that `save` wrote, ready to judge."""
    config = read_config(folder)
    model = fresh(config)
    model.net.load_state_dict(torch.load(folder / "model.pth", map_location="cpu", weights_only=True))
    return model.eval(), config
