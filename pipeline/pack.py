"""Pack: where are the clips? One pass over the corpus copies the chosen ones into shards of sound files."""

import hashlib
from collections.abc import Iterable
from functools import partial
from itertools import chain, count, islice
from pathlib import Path
from statistics import mean

import pandas as pd
from pyarrow import ArrowInvalid

from features.running.durable import written_whole
from features.shard import TOO_LARGE, ShardWriter, member_size, shard_name, shard_size
from pipeline.corpus.archive import Archive, Folder, open_corpus
from pipeline.corpus.note import state_of
from pipeline.params import Pack, load_params
from pipeline.paths import CLIPS, CLIPS_INDEX, MANIFEST
from pipeline.running.aside import Finished, build_resumed
from pipeline.running.code import code_of
from pipeline.running.disk_space import SAMPLE, check_room
from pipeline.running.output import read_parquet
from pipeline.stage import UserError, fingerprint, run_stage

INDEX_COLUMNS = ["key", "shard", "bytes", "digest"]


def pack(source: Archive | Folder, keys: dict[str, str], folder: Path, clips_per_shard: int) -> None:
    """Copy the clips in `keys`, which maps paths to keys, into shards, in the order of the corpus.

    A shard is complete once its list is beside it; complete shards are not written again.
    """
    lists = read_lists(folder)
    packed, taken = set(lists["key"]), set(lists["shard"])
    clips = source.clips({path for path, key in keys.items() if key not in packed})
    free = (name for name in map(shard_name, count()) if name not in taken)
    while (first := next(clips, None)) is not None:
        some = chain([first], islice(clips, clips_per_shard - 1))
        write_shard(folder / next(free), ((keys[path], data) for path, data in some))


def bytes_to_pack(source: Archive | Folder, keys: dict[str, str], folder: Path) -> float:
    """Disk space in bytes for the clips not yet in `folder`, from the mean of those that are, or of the first ones."""
    packed = read_lists(folder)["bytes"].tolist()
    sizes = packed or [len(data) for _, data in islice(source.clips(set(keys)), SAMPLE) if data is not None]
    return (len(keys) - len(packed)) * mean(map(member_size, sizes)) if sizes else 0


def write_shard(path: Path, clips: Iterable[tuple[str, bytes | None]]) -> None:
    rows = []
    with ShardWriter(path) as shard:
        for key, clip in clips:
            name, data = (f"{key}.mp3", clip) if clip is not None else (f"{key}.{TOO_LARGE}", b"")
            shard.add(name, data)
            rows.append((key, path.name, len(data), hashlib.blake2b(data, digest_size=8).hexdigest()))
    with written_whole(path.with_suffix(".parquet")) as temporary:
        pd.DataFrame(rows, columns=INDEX_COLUMNS).to_parquet(temporary, index=False)


def read_lists(folder: Path) -> pd.DataFrame:
    """The clips in the complete shards of `folder`."""
    lists = [read_list(path) for path in sorted(folder.glob("[0-9]*.parquet"))]
    whole = [rows for rows in lists if rows is not None]
    return pd.concat([pd.DataFrame(columns=INDEX_COLUMNS), *whole], ignore_index=True).astype({"bytes": "int64"})


def read_list(path: Path) -> pd.DataFrame | None:
    """The clips in the shard beside the list at `path`, if both are complete."""
    try:
        rows = pd.read_parquet(path)
        return rows if path.with_suffix(".tar").stat().st_size == shard_size(rows["bytes"]) else None
    except (FileNotFoundError, ArrowInvalid):
        return None


def merge_lists(folder: Path) -> pd.DataFrame:
    """Write the index of all complete shards in `folder`."""
    index = read_lists(folder)
    index.to_parquet(folder / CLIPS_INDEX.name, index=False)
    return index


def check_missing(packed: int, chosen: int, most: float) -> None:
    """Raises UserError if the share of chosen clips that are not in the corpus exceeds `most`."""
    if chosen - packed > most * chosen:
        raise UserError(
            f"the corpus lacks {chosen - packed:,} of the {chosen:,} chosen clips, "
            f"more than pack.max_missing ({most:.1%})"
        )


def pack_clips(folder: Path, source: Archive | Folder, settings: Pack) -> Finished:
    """Pack the clips of the manifest into `folder`."""
    keys = dict(read_parquet(MANIFEST, ["path", "key"]).itertuples(index=False))
    check_room(CLIPS, bytes_to_pack(source, keys, folder))
    pack(source, keys, folder, settings.clips_per_shard)
    index = merge_lists(folder)
    check_missing(len(index), len(keys), settings.max_missing)
    shards = sorted(set(index["shard"]))
    size = index["bytes"].sum() / 1e6
    return Finished(
        files=[*shards, CLIPS_INDEX.name],
        said=f"pack: {len(index):,} of {len(keys):,} clips, {size:,.0f} MB in {len(shards)} shards",
    )


def main() -> None:
    params = load_params()
    path = Path(params.corpus)
    source = open_corpus(path)
    shards = {"clips_per_shard": params.pack.clips_per_shard}
    mark = fingerprint(MANIFEST, shards, *code_of("pack"), state_of(source.path))
    build_resumed(CLIPS, mark, partial(pack_clips, source=source, settings=params.pack))


if __name__ == "__main__":
    run_stage(main)
