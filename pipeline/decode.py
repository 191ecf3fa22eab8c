"""Decode: what do the clips sound like? Every shard of clips becomes a shard of features, in parallel."""

from collections.abc import Iterable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from joblib import delayed

from features.decoding.decoder import crashing_keys, decode_shard, read_listing
from features.front_end import FrontEnd
from features.index import FILES, write_index
from features.running.durable import written_whole
from features.running.progress import progress
from pipeline.params import Params, load_params
from pipeline.paths import CLIPS, CLIPS_INDEX, FEATURES, MANIFEST, REJECTS
from pipeline.running.aside import Finished, build_resumed
from pipeline.running.code import code_of
from pipeline.running.disk_space import check_room, measure, some_clips
from pipeline.running.engine import Engine, WorkerDied, engine_of
from pipeline.running.output import read_parquet
from pipeline.stage import UserError, fingerprint, run_stage

CLIP_FACTS = ["age", "gender", "accent", "locale", "speaker"]  # what KEY.json says about a clip
MISSING = "missing"  # the reason for a clip that is not in the corpus
DECODING_LIBRARIES = ("av", "numpy", "scipy", "soundfile", "soxr")


def decode(
    clips: Path,
    manifest: pd.DataFrame,
    folder: Path,
    front_end: FrontEnd,
    engine: Engine,
    gpu: bool = False,
) -> list[dict]:
    """Decode the shards in `clips` that `folder` does not hold yet. Returns the listings of all shards, in order.

    With `gpu`, an encoder runs on one if it can.

    If a worker died on a shard, in this run or an earlier one, its clips are tried one by one in a separate process;
    the shard is then decoded without the clips that killed that process. Raises UserError if workers keep dying on a
    shard whose remaining clips can be decoded one by one.
    """
    about = manifest.set_index("key")[CLIP_FACTS]
    shards = read_parquet(clips / CLIPS_INDEX.name, ["key", "shard"]).groupby("shard")["key"].agg(list)
    crashing: dict[str, list[str]] = {}
    with progress("decode", sum(map(len, shards)), "clips", smoothing=0) as bar:
        while todo := unfinished(shards, folder):
            bar.update(sum(map(len, shards)) - sum(map(len, todo.values())) - bar.n)
            for name in begun(todo, folder):
                if name in crashing:
                    raise UserError(
                        f"workers keep dying on {name}, although each of its remaining clips can be decoded alone: "
                        "if memory is short, lower compute.jobs"
                    )
                crashing[name] = crashing_keys(clips / name, front_end, gpu)
                forget(name, folder)
            tasks = (
                delayed(decode_shard)(
                    clips.resolve() / name,
                    folder.resolve() / name,
                    about.loc[keys].to_dict("index"),
                    front_end,
                    crashing.get(name, ()),
                    gpu,
                )
                for name, keys in todo.items()
            )
            try:
                for count in engine(tasks):
                    bar.update(count)
            except WorkerDied:
                continue
    for name in shards.index:
        forget(name, folder)  # a worker may have started it after the others were given up
    return [read_listing(folder / name) for name in shards.index]


def bytes_to_decode(clips: Path, folder: Path, front_end: FrontEnd) -> float:
    """Disk space in bytes for the shards that are not yet in `folder`, estimated from some of their clips."""
    index = read_parquet(clips / CLIPS_INDEX.name, ["key", "shard", "bytes"])
    todo = unfinished(index.groupby("shard")["key"].agg(list), folder)
    sample = measure(some_clips(clips, list(todo)), front_end, seconds=10)
    return index["bytes"][index["shard"].isin(todo)].sum() / sample.bytes * sample.decoded if sample.bytes else 0


def unfinished(shards: pd.Series, folder: Path) -> dict[str, list[str]]:
    return {name: keys for name, keys in shards.items() if not read_listing(folder / name)}


def begun(names: Iterable[str], folder: Path) -> list[str]:
    """Those of these shards that a worker has started and not finished."""
    return [name for name in names if any(folder.glob(f".{name}.*"))]


def forget(name: str, folder: Path) -> None:
    """Remove what dead workers left of a shard."""
    for left in folder.glob(f".{name}.*"):
        left.unlink()


def all_rejects(manifest: pd.DataFrame, packed: pd.Series, listings: list[dict]) -> pd.DataFrame:
    """Every chosen clip without features, with the reason, sorted by key."""
    missing = set(manifest["key"]).difference(packed)
    rows = [{"key": key, "reason": MISSING, "detail": "not in the corpus"} for key in missing]
    rows += [reject for listing in listings for reject in listing["rejects"]]
    return pd.DataFrame(rows, columns=["key", "reason", "detail"]).sort_values("key", ignore_index=True)


def check_rejects(rejects: pd.DataFrame, chosen: int, most: float, report: Path) -> None:
    """Raises UserError if the share of chosen clips that were rejected exceeds `most`; pack checks the missing ones."""
    rejects = rejects[rejects["reason"] != MISSING]
    if len(rejects) > most * chosen:
        raise UserError(
            f"{len(rejects):,} of {chosen:,} clips rejected ({reasons_of(rejects)}), "
            f"more than decode.max_rejects ({most:.1%}); {report} lists them. "
            "Raise the limit, and the decoded clips are reused"
        )


def reasons_of(rejects: pd.DataFrame) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in rejects["reason"].value_counts().items())


def decode_clips(folder: Path, front_end: FrontEnd, params: Params) -> Finished:
    """Decode into `folder`, which is a store once this succeeds."""
    manifest = read_parquet(MANIFEST, ["key", *CLIP_FACTS])
    check_room(FEATURES, bytes_to_decode(CLIPS, folder, front_end))
    listings = decode(CLIPS, manifest, folder, front_end, engine_of(params.compute), params.compute.gpu)
    index = read_parquet(CLIPS_INDEX, ["key", "shard"])
    rejects = all_rejects(manifest, index["key"], listings)
    with written_whole(folder / REJECTS.name) as temporary:
        rejects.to_csv(temporary, index=False)
    check_rejects(rejects, len(manifest), params.decode.max_rejects, folder / REJECTS.name)
    write_index(folder, [row for listing in listings for row in listing["index"]], front_end)
    return Finished(
        files=[*sorted(set(index["shard"])), *FILES, REJECTS.name],
        said=f"decode: {len(manifest) - len(rejects):,} clips; rejected: {reasons_of(rejects) or 'none'}",
    )


def main() -> None:
    params = load_params()
    versions = {name: version(name) for name in DECODING_LIBRARIES}
    front_end = params.front_end()
    mark = fingerprint(CLIPS_INDEX, MANIFEST, front_end, *code_of("decode", features=params.features), versions)
    build_resumed(FEATURES, mark, partial(decode_clips, front_end=front_end, params=params))


if __name__ == "__main__":
    run_stage(main)
