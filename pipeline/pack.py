"""Pack: where are the clips? One pass over the corpus copies the chosen ones into shards of sound files."""

import hashlib
import re
from collections.abc import Iterable
from functools import partial
from itertools import chain, count, islice
from pathlib import Path, PurePosixPath
from statistics import mean

import pandas as pd
from pyarrow import ArrowInvalid

from features.running.durable import written_whole
from features.shard import TOO_LARGE, ShardWriter, member_size, shard_name, shard_size
from pipeline.corpus.corpora import Corpus, open_corpora
from pipeline.corpus.note import state_of
from pipeline.params import Pack, load_params
from pipeline.paths import CLIPS, CLIPS_INDEX, MANIFEST
from pipeline.running.aside import Finished, build_resumed
from pipeline.running.code import code_of
from pipeline.running.disk_space import SAMPLE, check_room
from pipeline.running.output import read_parquet
from pipeline.stage import UserError, fingerprint, run_stage

INDEX_COLUMNS = ["key", "shard", "bytes", "digest"]


def pack(source: Corpus, keys: dict[str, str], folder: Path, clips_per_shard: int) -> None:
    """Copy the clips in `keys`, which maps paths to keys, into shards, in the order of the corpus.

    A shard is complete once its list is beside it; complete shards are not written again.
    """
    lists = read_lists(folder)
    packed, taken = set(lists["key"]), set(lists["shard"])
    clips = source.clips({path for path, key in keys.items() if key not in packed})
    free = (name for name in map(shard_name, count()) if name not in taken)
    while (first := next(clips, None)) is not None:
        some = chain([first], islice(clips, clips_per_shard - 1))
        write_shard(folder / next(free), ((keys[path], suffix_of(path), data) for path, data in some))


def bytes_to_pack(source: Corpus, keys: dict[str, str], folder: Path) -> float:
    """Disk space in bytes for the clips not yet in `folder`, from the mean of those that are, or of the first ones."""
    lists = read_lists(folder)
    packed = lists["bytes"][lists["key"].isin(keys.values())].tolist()
    sizes = packed or [len(data) for _, data in islice(source.clips(set(keys)), SAMPLE) if data is not None]
    return (len(keys) - len(packed)) * mean(map(member_size, sizes)) if sizes else 0


def suffix_of(path: str) -> str:
    """A clip's suffix in a shard: its own if it is a plain one, and `mp3` for all that have none."""
    suffix = PurePosixPath(path).suffix.lower()[1:]
    return suffix if re.fullmatch("[a-z0-9]{2,4}", suffix) else "mp3"


def write_shard(path: Path, clips: Iterable[tuple[str, str, bytes | None]]) -> None:
    rows = []
    with ShardWriter(path) as shard:
        for key, suffix, clip in clips:
            name, data = (f"{key}.{suffix}", clip) if clip is not None else (f"{key}.{TOO_LARGE}", b"")
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


def pack_clips(folder: Path, corpora: list[Corpus], settings: Pack) -> Finished:
    """Pack the clips of the manifest into `folder`, corpus by corpus."""
    chosen = read_parquet(MANIFEST, ["corpus", "path", "key"])
    keys = [dict(chosen.loc[chosen["corpus"] == corpus.name, ["path", "key"]].to_numpy()) for corpus in corpora]
    pairs = [(corpus, its) for corpus, its in zip(corpora, keys, strict=True) if its]
    check_room(CLIPS, sum(bytes_to_pack(corpus, its, folder) for corpus, its in pairs))
    for corpus, its in pairs:
        pack(corpus, its, folder, settings.clips_per_shard)
    index = merge_lists(folder)
    check_missing(len(index), len(chosen), settings.max_missing)
    shards = sorted(set(index["shard"]))
    size = index["bytes"].sum() / 1e6
    return Finished(
        files=[*shards, CLIPS_INDEX.name],
        said=f"pack: {len(index):,} of {len(chosen):,} clips, {size:,.0f} MB in {len(shards)} shards",
    )


def main() -> None:
    params = load_params()
    corpora = open_corpora(Path(params.corpus))
    shards = {"clips_per_shard": params.pack.clips_per_shard}
    mark = fingerprint(MANIFEST, shards, *code_of("pack"), state_of(corpora))
    build_resumed(CLIPS, mark, partial(pack_clips, corpora=corpora, settings=params.pack))


if __name__ == "__main__":
    run_stage(main)
