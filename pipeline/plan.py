"""Plan: what will this corpus take? Clips, hours, disk and time, from a few seconds of reading and decoding."""

from pathlib import Path

import joblib

from features.front_end import FrontEnd
from features.running.progress import duration
from features.store import Store, StoreError
from pipeline.corpus.archive import Archive, Folder, open_corpus
from pipeline.corpus.commonvoice import read_columns
from pipeline.filter import table_path
from pipeline.params import load_params
from pipeline.paths import CLIPS, FEATURES, MANIFEST
from pipeline.running.disk_space import Sample, check_room, gigabytes, measure
from pipeline.running.output import read_parquet
from pipeline.stage import UserError, run_stage

SECONDS = 5.0
BESIDE_OTHERS = 0.97  # of its speed alone, when another process decodes beside it: see benchmarks/workers.py


def clips_to_come(source: Archive | Folder, tables: list[str], sample: Sample) -> tuple[int, str]:
    """How many clips will be packed and decoded, and how we know."""
    if MANIFEST.is_file():
        return len(read_parquet(MANIFEST, ["key"])), f"in {MANIFEST}"
    if isinstance(source, Archive):  # compression hardly shrinks MP3s
        return round(source.path.stat().st_size / sample.mean_bytes), "or so in the archive, before the filter"
    rows = (len(read_columns(table_path(source.path.parent, name), ["path"])) for name in tables)
    return sum(rows), "in the tables, before the filter"


def reading_seconds(source: Archive | Folder, clips: int, sample: Sample) -> float:
    """How long one pass over the corpus takes for this many clips; an archive is always read to the end."""
    size = source.path.stat().st_size if isinstance(source, Archive) else clips * sample.mean_bytes
    return sample.reading * size / sample.bytes


def decoding_seconds(clips: int, sample: Sample, processes: int) -> float:
    alone = sample.decoding * clips / sample.clips
    return alone / (processes * BESIDE_OTHERS) if processes > 1 else alone


def is_there(out: Path, front_end: FrontEnd) -> bool:
    """Whether an output is there, and, of features, whether this front-end made them."""
    if out != FEATURES:
        return out.is_dir()
    try:
        return Store(out).front_end == front_end
    except StoreError:
        return False


def main() -> None:
    params = load_params()
    source, front_end = open_corpus(Path(params.corpus)), params.front_end()
    sample = measure(source.any_clips(), front_end, SECONDS, params.compute.gpu)
    if not sample.bytes:
        raise UserError(f"{params.corpus} holds no clips")
    clips, known = clips_to_come(source, params.filter.tables, sample)
    share = clips / sample.clips
    sizes = {CLIPS: sample.packed * share, FEATURES: sample.decoded * share}
    missing = [out for out in sizes if not is_there(out, front_end)]
    processes = params.compute.jobs if params.compute.jobs > 0 else joblib.cpu_count()
    rows = {
        "clips": f"{clips:,} {known}",
        "sound": f"{sample.sound * share / 3600:,.1f} hours",
        "front-end": f"{front_end.name}, {front_end.values} values every {front_end.hop:g} s",
        **{str(out): gigabytes(size) + ("" if out in missing else ", already there") for out, size in sizes.items()},
        "reading": f"{duration(reading_seconds(source, clips, sample))}, once for tables and once for pack",
        "decoding": f"{duration(decoding_seconds(clips, sample, processes))}, compute.jobs: {processes}",
    }
    print(f"{params.corpus}, estimated from {sample.clips:,} of its clips:")
    print("\n".join(f"{name:>12}  {value}" for name, value in rows.items()))
    check_room(" and ".join(map(str, missing)), sum(sizes[out] for out in missing))
    print(f"{'disk':>12}  it fits")


if __name__ == "__main__":
    run_stage(main)
