"""Disk space: what clips and their features will take, estimated from a few of them before a stage starts."""

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from features.decoding.decoder import Trial
from features.front_end import FrontEnd
from features.shard import member_size, read_shard
from pipeline.paths import PARTIAL
from pipeline.stage import UserError

SAMPLE = 50  # clips that a stage looks at before it starts
FACTS_BYTES = 200  # bytes of a KEY.json, about


@dataclass(frozen=True)
class Sample:
    """What some clips took."""

    clips: int
    bytes: int  # of the sound files
    packed: int  # bytes in shards of clips
    decoded: int  # bytes in shards of features
    sound: float  # s
    reading: float  # s, to read the clips
    decoding: float  # s, in one process

    @property
    def mean_bytes(self) -> float:
        return self.bytes / self.clips


def measure(clips: Iterable[bytes], front_end: FrontEnd, seconds: float, gpu: bool = False) -> Sample:
    """Decode clips as they come, for this many seconds, in a separate process: a clip may kill it."""
    clips, count, size, packed, decoded = iter(clips), 0, 0, 0, 0
    sound = reading = decoding = 0.0
    with Trial(front_end, gpu) as tried:
        while reading + decoding < seconds:
            start = time.perf_counter()
            data = next(clips, None)
            reading += time.perf_counter() - start
            if data is None:
                break
            outcome = tried(data)
            if outcome:
                sound, decoding = sound + outcome.seconds, decoding + outcome.took
            if outcome and outcome.values:
                decoded += member_size(2 * outcome.values) + member_size(FACTS_BYTES)
            count, size, packed = count + 1, size + len(data), packed + member_size(len(data))
    return Sample(count, size, packed, decoded, sound, reading, decoding)


def some_clips(folder: Path, shards: list[str]) -> Iterator[bytes]:
    """About SAMPLE of the packed clips, from evenly spaced shards."""
    spaced = shards[:: max(1, len(shards) // SAMPLE)]
    for name in spaced:
        yield from (data for _, data in islice(read_shard(folder / name), -(-SAMPLE // len(spaced))))


def check_room(out: Path | str, needed: float) -> None:
    """Raises UserError if the disk on which `out` is built has less than `needed` bytes left."""
    place = next(each for each in (PARTIAL, *PARTIAL.parents) if each.exists())  # it may be a link to another disk
    free = shutil.disk_usage(place).free
    if needed > free:
        raise UserError(f"{out}: about {gigabytes(needed)} will be needed, but the disk has {gigabytes(free)} free")


def gigabytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
