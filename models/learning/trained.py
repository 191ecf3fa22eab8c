"""Trained: a model on disk, with its config."""

import json
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch

from models.answer import check_answer, example
from models.architectures.build import build_network
from models.config import Config, ModelError, read_config, running
from models.learning.checkpoints import write_state
from models.learning.classifier import Normalised
from models.mistake import shortened


def fresh(config: Config) -> Normalised:
    """The model of a config, with fresh weights."""
    net = build_network(
        config.architecture, config.settings, config.front_end.values, config.frames, len(config.groups)
    )
    return Normalised(net, np.float32(config.mean), np.float32(config.deviation))


def save(model: Normalised, config: Config, folder: Path) -> None:
    write_state(model.net.state_dict(), folder / "model.pth")
    write_config(config, folder)


def write_config(config: Config, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> tuple[Normalised, Config]:
    """The model that `save` wrote, ready to judge, tried on one window. Raises ModelError if it is missing, damaged, or
    cannot be run.
    """
    config, path = read_config(folder), folder / "model.pth"
    if not path.is_file():
        raise ModelError(f"{folder} holds no model: it has no model.pth")
    with running(path):
        state = read_weights(path)
        check_weights(state, config, path.stat().st_size)
        model = fresh(config).eval()
        model.net.load_state_dict(state)
        with torch.inference_mode():
            check_answer(model(torch.from_numpy(example(config))).numpy(), 1, len(config.groups))
    return model, config


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Raises ValueError for a file that holds anything else; torch's own message suggests running it."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise ValueError("it is damaged, or holds more than weights") from None
    if not isinstance(state, dict) or not all(isinstance(each, torch.Tensor) for each in state.values()):
        raise ValueError("it does not hold named weights")
    return state


def check_weights(state: dict[str, torch.Tensor], config: Config, size: int) -> None:
    """Raises ValueError unless `state` holds exactly the weights that the config asks for, and a file of `size` bytes
    can hold them. This comes before the model is made, which could take all the memory.
    """
    with torch.device("meta"):
        expected = fresh(config).net.state_dict()
    mistake = "its weights do not match config.json"
    for name, weights in expected.items():
        if (found := described(state.get(name))) != described(weights):
            raise ValueError(f"{mistake}: {name} is {found}, not {described(weights)}")
    if more := [shortened(str(name)) for name in state if name not in expected]:
        raise ValueError(f"{mistake}: {more[0]} is not one of them")
    asked = sum(weights.nbytes for weights in expected.values())
    if asked > size:
        raise ValueError(f"{mistake}: the model takes {asked:,} bytes, and the file has {size:,}")


def described(weights: torch.Tensor | None) -> str:
    return "missing" if weights is None else f"{weights.dtype} of shape {tuple(weights.shape)}"
