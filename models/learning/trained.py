"""Trained: a model on disk, beside its config."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from models.architectures.build import build_network
from models.config import Config, ModelError, cannot_be_run, read_config
from models.learning.checkpoints import write_state
from models.learning.classifier import Normalised


def fresh(config: Config) -> Normalised:
    """The model of a config, with fresh weights."""
    net = build_network(
        config.architecture, config.settings, config.front_end.n_mels, config.frames, len(config.groups)
    )
    return Normalised(net, np.float32(config.mean), np.float32(config.deviation))


def save(model: Normalised, config: Config, folder: Path) -> None:
    write_state(model.net.state_dict(), folder / "model.pth")
    write_config(config, folder)


def write_config(config: Config, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> tuple[Normalised, Config]:
    """The model that `save` wrote, ready to judge. Raises ModelError where it is missing or damaged."""
    config, path = read_config(folder), folder / "model.pth"
    try:
        model = fresh(config)
        model.net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no model: it has no model.pth") from None
    except Exception as error:
        raise cannot_be_run(path, error) from error
    return model.eval(), config
