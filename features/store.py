"""Store: log-mel shards, with an index of where each clip is."""

import json
import os
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.front_end import front_end_of
from features.shard import closed_size


class StoreError(Exception):
    """A store that is damaged or incomplete; the text says how."""


class Store:
    """Reads the features of clips, addressed by their row in `index`.

    Raises StoreError if the index cannot be read, or if shards are missing or damaged.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.index = self.read("index.parquet", pd.read_parquet)
        self.front_end = self.read(
            "features.json", lambda path: front_end_of(json.loads(path.read_text(encoding="utf-8")))
        )
        self.values = self.front_end.values
        self.frames = self.index["frames"].to_numpy(np.int64)
        self.offsets = self.index["offset"].to_numpy()
        self.shard_of, self.shards = pd.factorize(self.index["shard"])
        self.paths = [str(self.folder / name) for name in self.shards]
        self.check_shards()

    def read(self, name: str, reader: Callable[[Path], Any]) -> Any:
        """Read the file of this name beside the shards. Raises StoreError if it is missing or damaged."""
        try:
            return reader(self.folder / name)
        except FileNotFoundError:
            raise StoreError(f"{self.folder} is not a store: it has no {name}") from None
        except (ValueError, TypeError, LookupError, OSError) as error:
            raise StoreError(f"{self.folder / name} cannot be read: {' '.join(str(error).split())}") from error

    def check_shards(self) -> None:
        """Raises StoreError if shards are missing, or if their sizes do not match the index."""
        ends = np.zeros(len(self.shards), np.int64)
        np.maximum.at(ends, self.shard_of, self.offsets + self.frames * self.values * np.float16().itemsize)
        sizes = np.array([size_of(path) for path in self.paths])
        absent = self.shards[sizes < 0]
        if len(absent):
            raise StoreError(f"{self.folder} lacks {len(absent)} of {len(self.shards)} shards: {first_few(absent)}")
        torn = self.shards[sizes != closed_size(ends)]
        if len(torn):
            of_all = f"{len(torn)} of {len(self.shards)} shards"
            raise StoreError(f"{self.folder}: the size of {of_all} does not match the index: {first_few(torn)}")

    def __len__(self) -> int:
        return len(self.index)

    def rows_of(self, keys: pd.Series) -> np.ndarray:
        """The rows of these keys. Raises StoreError if some are absent."""
        rows = pd.Index(self.index["key"]).get_indexer(keys)
        if (rows < 0).any():
            absent = list(np.asarray(keys)[rows < 0])
            raise StoreError(f"{self.folder} lacks {len(absent)} of {len(keys)} clips: {first_few(absent)}")
        return rows

    def keys(self, rows: np.ndarray) -> list[str]:
        return self.index["key"].iloc[rows].tolist()

    def clip(self, row: int) -> np.ndarray:
        """A clip's features. Shape: (frames, values), float16."""
        with OpenShard(self.paths[self.shard_of[row]]) as shard:
            return self.clip_in(shard, row)

    def clip_in(self, shard: "OpenShard", row: int) -> np.ndarray:
        clip = np.empty((self.frames[row], self.values), np.float16)
        shard.read_into(clip, self.offsets[row])
        return clip

    def crops(self, rows: np.ndarray, starts: np.ndarray, frames: int) -> np.ndarray:
        """`frames` frames of each clip, from its frame `start`; a clip that is too short starts over.

        Shape: (batch,), (batch,) → (batch, frames, values), float16.
        """
        crops = np.empty((len(rows), frames, self.values), np.float16)
        offsets = (self.offsets[rows] + starts * self.values * crops.itemsize).tolist()
        is_whole = (starts + frames <= self.frames[rows]).tolist()
        shards = self.shard_of[rows]
        for number, places in groupby(np.argsort(shards).tolist(), shards.tolist().__getitem__):
            with OpenShard(self.paths[number]) as shard:
                for place in places:
                    if is_whole[place]:
                        shard.read_into(crops[place], offsets[place])
                    else:
                        steps = np.arange(starts[place], starts[place] + frames)
                        self.clip_in(shard, rows[place]).take(steps, axis=0, out=crops[place], mode="wrap")
        return crops


class OpenShard:
    """A shard that is open only while it is read, so that the limit on open files does not limit how many there are.

    Opening takes 2 µs. A memory map copies cached data faster, but each page fault reads ahead: on 900 shards it read
    12 times as much from disk as the crops held.
    """

    def __init__(self, path: str):
        self.path = path

    def __enter__(self) -> "OpenShard":
        self.file = os.open(self.path, os.O_RDONLY)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.file)

    def read_into(self, features: np.ndarray, offset: int) -> None:
        """Fill an array with the bytes from `offset`. Raises StoreError if the shard ends too soon."""
        if os.preadv(self.file, [features], offset) < features.nbytes:
            raise StoreError(f"{self.path} is too short for the clips that its index lists")


def size_of(path: str) -> int:
    """The size of a file; -1 if there is none."""
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:
        return -1


def first_few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
