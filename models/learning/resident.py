"""Resident: the features of clips, kept on the device, where crops are gathered without a loader."""

import numpy as np
import torch

from features.running.progress import progress
from features.store import Store

LOADED_AT_ONCE = 4096


class Resident:
    """Crops of these `rows` of a store; all their frames are on `device`, one clip after the other."""

    def __init__(self, store: Store, rows: np.ndarray, device: str | torch.device):
        lengths = store.frames[rows]
        ends = np.cumsum(lengths)
        place = np.full(len(store), -1)
        place[rows] = np.arange(len(rows))
        self.place, self.lengths, self.begins = (
            torch.from_numpy(each).to(device) for each in (place, lengths, ends - lengths)
        )
        self.features = torch.empty((int(ends[-1]), store.values), dtype=torch.float16, device=device)
        with progress("to the device", len(rows), "clips") as bar:
            for first in range(0, len(rows), LOADED_AT_ONCE):
                some = rows[first : first + LOADED_AT_ONCE]
                frames = np.concatenate([store.clip(row) for row in some])
                begin = ends[first] - lengths[first]
                self.features[begin : begin + len(frames)] = torch.from_numpy(frames)
                bar.update(len(some))

    def crops(self, rows: torch.Tensor, starts: torch.Tensor, frames: int) -> torch.Tensor:
        """Like Store.crops: a short clip starts over. Shape: (batch,), (batch,) → (batch, frames, values)."""
        place = self.place[rows]
        steps = starts[:, None] + torch.arange(frames, device=rows.device)
        return self.features[self.begins[place][:, None] + steps % self.lengths[place][:, None]]
