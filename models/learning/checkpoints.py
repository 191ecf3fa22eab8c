"""Checkpoints: the states of a run, written whole, so that it can go on after being killed."""

import io
import logging
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from features.running.durable import written_whole

BEST, LAST, BEFORE = "best.ckpt", "last.ckpt", "before.ckpt"

log = logging.getLogger(__name__)


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's own writer moves the file from TMPDIR, which between disks is a copy that can break off.

    The last checkpoint but one is kept, so that a power failure costs only an epoch.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        path = Path(path)
        with written_whole(path) as temporary:
            write_state(checkpoint, temporary)
            if path.name == LAST and path.exists():
                path.replace(path.with_name(BEFORE))


def write_state(state: dict[str, Any], path: Path) -> None:
    """Write what `torch.save` makes. Raises OSError if the disk is full, which torch's own writer does not."""
    memory = io.BytesIO()
    torch.save(state, memory)
    path.write_bytes(memory.getbuffer())


def latest(folder: Path, shapes: dict[str, torch.Size]) -> tuple[Path | None, dict[str, Any]]:
    """The path and contents of the checkpoint in `folder` to go on from; None and an empty dict if there is none.

    `shapes` are those of the weights: a checkpoint with others is not from this run. One that cannot be read is named,
    and costs an epoch; without the best one, the run starts over.
    """
    if read_checkpoint(folder / BEST, shapes):
        for name in (LAST, BEFORE):
            if state := read_checkpoint(folder / name, shapes):
                return folder / name, state
    return None, {}


def read_checkpoint(path: Path, shapes: dict[str, torch.Size]) -> dict[str, Any] | None:
    """A checkpoint of this run, or None."""
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        is_whole = {name: each.shape for name, each in state["state_dict"].items()} == shapes
        is_whole = is_whole and "History" in state["callbacks"]
    except Exception:  # damaged files can raise anything
        is_whole = False
    if not is_whole:
        log.warning("%s cannot be read and is ignored", path)
        return None
    return state
