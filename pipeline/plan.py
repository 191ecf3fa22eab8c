"""Plan: what will this corpus take? Clips, hours, disk and time, from a few seconds of reading and decoding."""

from collections.abc import Iterator
from pathlib import Path

import joblib

from features.front_end import FrontEnd
from features.running.progress import duration
from features.store import Store, StoreError
from pipeline.corpus.archive import Archive
from pipeline.corpus.corpora import Corpus, open_corpora
from pipeline.params import load_params
from pipeline.paths import CLIPS, FEATURES, MANIFEST
from pipeline.running.disk_space import Sample, check_room, gigabytes, measure
from pipeline.running.output import read_parquet
from pipeline.running.terminal import printable
from pipeline.stage import UserError, run_stage

SECONDS = 5.0
BESIDE_OTHERS = 0.97  # of its speed alone, when another process decodes beside it: see benchmarks/workers.py


def clips_to_come(corpora: list[Corpus], sample: Sample) -> tuple[int, str]:
    """How many clips will be packed and decoded, and how we know."""
    if MANIFEST.is_file() and (chosen := read_parquet(MANIFEST, ["corpus"])["corpus"]).isin(names_of(corpora)).all():
        return len(chosen), f"in {MANIFEST}"
    is_counted = not any(isinstance(corpus, Archive) for corpus in corpora)
    clips = sum(bytes_of(corpus) / sample.mean_bytes for corpus in corpora)
    return round(clips), f"{'in the tables' if is_counted else 'or so in the archives'}, before the filter"


def names_of(corpora: list[Corpus]) -> list[str]:
    return [corpus.name for corpus in corpora]


def bytes_of(corpus: Corpus) -> int:
    """The bytes of a corpus's clips; of an archive, all: compression hardly shrinks MP3s."""
    if isinstance(corpus, Archive):
        return corpus.path.stat().st_size
    return sum(path.stat().st_size for path in corpus.clip_paths())


def reading_seconds(corpora: list[Corpus], clips: int, sample: Sample) -> float:
    """How long one pass over the corpora takes for this many clips; an archive is always read to the end."""
    archives = [corpus for corpus in corpora if isinstance(corpus, Archive)]
    size = sum(map(bytes_of, archives)) if archives else clips * sample.mean_bytes
    return sample.reading * size / sample.bytes


def decoding_seconds(clips: int, sample: Sample, processes: int) -> float:
    alone = sample.decoding * clips / sample.clips
    return alone / (processes * BESIDE_OTHERS) if processes > 1 else alone


def in_turn(corpora: list[Corpus]) -> Iterator[bytes]:
    """A clip of each corpus, then another of each, as long as they last."""
    left = [corpus.any_clips() for corpus in corpora]
    while left:
        for clips in list(left):
            if (clip := next(clips, None)) is None:
                left.remove(clips)
            else:
                yield clip


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
    corpora, front_end = open_corpora(Path(params.corpus)), params.front_end()
    sample = measure(in_turn(corpora), front_end, SECONDS, params.compute.gpu)
    if not sample.bytes:
        raise UserError(f"{params.corpus} holds no clips")
    clips, known = clips_to_come(corpora, sample)
    share = clips / sample.clips
    sizes = {CLIPS: sample.packed * share, FEATURES: sample.decoded * share}
    missing = [out for out in sizes if not is_there(out, front_end)]
    processes = params.compute.jobs if params.compute.jobs > 0 else joblib.cpu_count()
    rows = {
        **({"corpora": printable(", ".join(names_of(corpora)))} if len(corpora) > 1 else {}),
        "clips": f"{clips:,} {known}",
        "sound": f"{sample.sound * share / 3600:,.1f} hours",
        "front-end": f"{front_end.name}, {front_end.values} values every {front_end.hop:g} s",
        **{str(out): gigabytes(size) + ("" if out in missing else ", already there") for out, size in sizes.items()},
        "reading": f"{duration(reading_seconds(corpora, clips, sample))}, once for tables and once for pack",
        "decoding": f"{duration(decoding_seconds(clips, sample, processes))}, compute.jobs: {processes}",
    }
    print(f"{params.corpus}, estimated from {sample.clips:,} of its clips:")
    print("\n".join(f"{name:>12}  {value}" for name, value in rows.items()))
    check_room(" and ".join(map(str, missing)), sum(sizes[out] for out in missing))
    print(f"{'disk':>12}  it fits")


if __name__ == "__main__":
    run_stage(main)
