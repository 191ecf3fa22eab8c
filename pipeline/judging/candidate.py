"""Candidate: a finished model that is to be judged, weights or an export, with what is known about it."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from features.front_end import FrontEnd
from models.asking.network import Network, open_network
from models.asking.predictor import open_for, with_encoder
from models.config import Config, read_config, read_origin
from models.learning.trained import load
from pipeline.corpus.ages import group_by_year
from pipeline.predict import about_model
from pipeline.reports.about import About
from pipeline.splits.heard import heard_by
from pipeline.stage import UserError, fingerprint
from pipeline.voices.encoders import make_encoder

EXPORTED, TRAINED = "model.onnx", "model.pth"


@dataclass(frozen=True)
class Candidate:
    folder: Path
    config: Config
    groups: dict[str, list[str]]  # the age words in each, in the model's order
    front_end: FrontEnd  # as in the config, but its encoder's file, if it has one, by its whole path
    about: About
    heard: set[str] | None  # the speakers that it has learnt from; None if nobody knows

    @property
    def is_exported(self) -> bool:
        return (self.folder / EXPORTED).is_file()

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.folder / (EXPORTED if self.is_exported else TRAINED), self.folder / "config.json")


def open_candidate(folder: Path) -> Candidate:
    """Makes its encoder, if that is missing and can be downloaded.

    Raises ModelError for a folder without a model, or whose model does not say what it was trained on or lacks its
    encoder; UserError for groups that are not those of its training, and for a damaged file of speakers.
    """
    config, origin = read_config(folder), read_origin(folder)
    open_network(folder)
    make_encoder(config.front_end, folder)
    open_for(config.front_end, folder)
    return Candidate(
        folder=folder,
        config=config,
        groups=groups_of(config, folder),
        front_end=with_whole_path(with_encoder(config.front_end, folder)),
        about=about_model(folder),
        heard=heard_by(folder, origin.split.fingerprint),
    )


def groups_of(config: Config, folder: Path) -> dict[str, list[str]]:
    groups = config.origin.split.groups
    try:
        group_by_year(groups)
        fits = list(groups) == config.groups and all(groups.values())
    except ValueError:
        fits = False
    if not fits:
        raise UserError(f"{folder}/config.json is damaged: its groups do not fit the ages that it was trained on")
    return groups


def with_whole_path(front_end: FrontEnd) -> FrontEnd:
    """Stages that prepare a corpus run in another folder."""
    if not (file := front_end.settings.get("file")):
        return front_end
    return replace(front_end, settings=front_end.settings | {"file": str(Path(file).absolute())})


class Exported(nn.Module):
    """An exported network as what judges whole clips takes it: windows (batch, frames, values) → logits, on the CPU."""

    def __init__(self, network: Network, values: int):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.zeros(values))  # its length says how many values a frame has

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.network(windows.numpy()))


def open_model(candidate: Candidate, device: str) -> tuple[nn.Module, str]:
    """The model, and where it runs: on `device`, or an export on the CPU."""
    if candidate.is_exported:
        return Exported(open_network(candidate.folder), candidate.config.front_end.values), "cpu"
    return load(candidate.folder)[0], device
