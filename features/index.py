"""Index: turns a folder of shards into a store: where each clip is, and how its features were made."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from features.front_end import FrontEnd

INDEX_TYPES = {
    "key": "str",
    "shard": "str",
    "offset": "int64",  # bytes from the start of the shard to the first element
    "frames": "int32",
    "seconds": "float32",
    "sample_rate": "int32",
    "channels": "int16",
    "loudness": "float32",
    "flags": "str",
}

FILES = ("index.parquet", "features.json")  # beside the shards


def write_index(folder: Path, rows: list[dict], front_end: FrontEnd) -> None:
    """Turn the shards in `folder` into a store."""
    index = pd.DataFrame(rows, columns=list(INDEX_TYPES)).astype(INDEX_TYPES)
    index.to_parquet(folder / "index.parquet", index=False)
    (folder / "features.json").write_text(json.dumps(asdict(front_end), indent=2) + "\n", encoding="utf-8")
