"""Store: log-mel shards mapped into memory, read by index."""

import json
import mmap
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from features.logmel import FrontEnd

INDEX_TYPES = {
    "key": "str",
    "shard": "str",
    "offset": "int64",  # bytes, of the first element in the shard
    "frames": "int32",
    "seconds": "float32",
    "sample_rate": "int32",
    "channels": "int16",
    "loudness": "float32",
    "flags": "str",
}


class StoreError(Exception):
    """A store that is not whole; the text says what is missing."""


class Store:
    """Reads the features of clips, addressed by their row in `index`.

    Raises StoreError for a folder without an index, or one whose shards are not all there.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        if not (self.folder / "index.parquet").is_file():
            raise StoreError(f"{self.folder} is no store: it has no index.parquet")
        self.front_end = FrontEnd(**json.loads((self.folder / "features.json").read_text(encoding="utf-8")))
        self.n_mels = self.front_end.n_mels
        self.index = pd.read_parquet(self.folder / "index.parquet")
        self.frames = self.index["frames"].to_numpy(np.int64)
        self.begins = self.index["offset"].to_numpy() // 2  # in float16 from the shard's start
        self.shard_of, self.shards = pd.factorize(self.index["shard"])
        absent = [name for name in self.shards if not (self.folder / name).is_file()]
        if absent:
            raise StoreError(f"{self.folder} lacks {len(absent)} of {len(self.shards)} shards: {some_of(absent)}")
        self.maps: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.index)

    def __getstate__(self) -> dict:
        return self.__dict__ | {"maps": {}}

    def rows_of(self, keys: pd.Series) -> np.ndarray:
        """The rows of these keys. Raises StoreError if some are absent."""
        rows = pd.Index(self.index["key"]).get_indexer(keys)
        if (rows < 0).any():
            absent = list(np.asarray(keys)[rows < 0])
            raise StoreError(f"{self.folder} lacks {len(absent)} of {len(keys)} clips: {some_of(absent)}")
        return rows

    def shard(self, number: int) -> np.ndarray:
        """All of a shard, mapped, as one float16 array."""
        if number not in self.maps:
            with (self.folder / self.shards[number]).open("rb") as file:
                self.maps[number] = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), "<f2")
        return self.maps[number]

    def clip(self, row: int) -> np.ndarray:
        """A clip's features. Shape: (frames, n_mels), float16."""
        begin, size = self.begins[row], self.frames[row] * self.n_mels
        return self.shard(self.shard_of[row])[begin : begin + size].reshape(-1, self.n_mels)

    def crops(self, rows: np.ndarray, starts: np.ndarray, frames: int) -> np.ndarray:
        """`frames` frames of each clip from its frame `start` on; past its end a clip begins again.

        Shape: (batch,), (batch,) → (batch, frames, n_mels), float16.
        """
        size = frames * self.n_mels
        crops = np.empty((len(rows), size), np.float16)
        begins = self.begins[rows] + starts * self.n_mels
        is_whole = starts + frames <= self.frames[rows]
        places = zip(self.shard_of[rows].tolist(), begins.tolist(), is_whole.tolist(), strict=True)
        for number, (shard, begin, whole) in enumerate(places):
            if whole:
                crops[number] = self.shard(shard)[begin : begin + size]
            else:
                around = np.roll(self.clip(rows[number]), -starts[number], axis=0)
                crops[number] = np.resize(around, size)
        return crops.reshape(len(rows), frames, self.n_mels)


def write_index(folder: Path, rows: list[dict], front_end: FrontEnd) -> None:
    """Make the shards in `folder` a store."""
    index = pd.DataFrame(rows, columns=list(INDEX_TYPES)).astype(INDEX_TYPES)
    index.to_parquet(folder / "index.parquet", index=False)
    (folder / "features.json").write_text(json.dumps(asdict(front_end), indent=2) + "\n", encoding="utf-8")


def some_of(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
