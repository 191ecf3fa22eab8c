"""Pack: where are the clips? One pass over the corpus copies the chosen ones into shards of sound files."""

import hashlib
from itertools import islice
from pathlib import Path
from statistics import mean

import pandas as pd

from features.shard import TOO_LARGE, ShardWriter, shard_name
from pipeline import corpus
from pipeline.corpus import open_corpus
from pipeline.filter import MANIFEST
from pipeline.params import load_params
from pipeline.room import SAMPLE, check_room, member_bytes
from pipeline.stage import build_aside, fingerprint, run_stage, written_whole

CLIPS = Path("data/clips")
INDEX = CLIPS / "index.parquet"  # a clip that the manifest lists and this lacks is missing

COLUMNS = ["key", "shard", "bytes", "digest"]


def pack(source: corpus.Archive | corpus.Folder, keys: dict[str, str], folder: Path, clips_per_shard: int) -> None:
    """Copy the clips whose paths `keys` maps to keys into shards, in the order in which the corpus holds them.

    A shard counts as whole once its list stands beside it; those are not written again.
    """
    packed = set(read_lists(folder)["key"])
    clips = source.clips({path for path, key in keys.items() if key not in packed})
    number = len(list_paths(folder))
    while batch := list(islice(clips, clips_per_shard)):
        write_shard(folder / shard_name(number), [(keys[path], data) for path, data in batch])
        number += 1


def expected_bytes(source: corpus.Archive | corpus.Folder, keys: dict[str, str], folder: Path) -> float:
    """What the clips that are not yet in `folder` will take on disk, by the mean of those that are, or of the first."""
    packed = read_lists(folder)["bytes"].tolist()
    sizes = packed or [len(data) for _, data in islice(source.clips(set(keys)), SAMPLE) if data is not None]
    return (len(keys) - len(packed)) * mean(map(member_bytes, sizes)) if sizes else 0


def write_shard(path: Path, clips: list[tuple[str, bytes | None]]) -> None:
    rows = []
    with ShardWriter(path) as shard:
        for key, clip in clips:
            name, data = (f"{key}.mp3", clip) if clip is not None else (f"{key}.{TOO_LARGE}", b"")
            shard.add(name, data)
            rows.append((key, path.name, len(data), hashlib.blake2b(data, digest_size=8).hexdigest()))
    with written_whole(path.with_suffix(".parquet")) as temporary:
        pd.DataFrame(rows, columns=COLUMNS).to_parquet(temporary, index=False)


def list_paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.parquet"))


def read_lists(folder: Path) -> pd.DataFrame:
    """What the whole shards in `folder` hold."""
    return pd.concat([pd.DataFrame(columns=COLUMNS), *map(pd.read_parquet, list_paths(folder))], ignore_index=True)


def merge_lists(folder: Path) -> pd.DataFrame:
    """Write the index of all shards in the place of their lists."""
    index = read_lists(folder).astype({"bytes": "int64"})
    index.to_parquet(folder / INDEX.name, index=False)
    for path in list_paths(folder):
        path.unlink()
    return index


def main() -> None:
    params = load_params()
    path = Path(params.corpus)
    source = open_corpus(path)
    manifest = pd.read_parquet(MANIFEST, columns=["path", "key"])
    state = source.path.stat()
    mark = fingerprint(MANIFEST, params.pack, corpus, [str(path), state.st_size, state.st_mtime_ns])
    keys = dict(manifest.itertuples(index=False))
    with build_aside(CLIPS, mark) as partial:
        check_room(CLIPS, expected_bytes(source, keys, partial))
        pack(source, keys, partial, params.pack.clips_per_shard)
        index = merge_lists(partial)
    size = index["bytes"].sum() / 1e6
    print(f"pack: {len(index):,} of {len(manifest):,} clips, {size:,.0f} MB in {index['shard'].nunique()} shards")


if __name__ == "__main__":
    run_stage(main)
