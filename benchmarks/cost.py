"""What would a whole release take on machines we do not have? Deals shards out to cores, at measured rates.

Nothing is run. The rates are those of one core of an AMD EPYC on a cut of 6.1. Assumed are whole cores, disks that keep
up, and as little loss beside 63 other processes as was measured beside one.
"""

import heapq
from collections.abc import Iterable

import numpy as np

from benchmarks.timing import markdown
from features.running.progress import duration
from pipeline.plan import BESIDE_OTHERS

TABLES, PACK = 186e6, 100e6  # bytes/s of an archive in one process: in a pass over it, and in one that copies clips
DECODE = 263  # clips/s: benchmarks/decode.py
SPREAD = 0.07  # of the time per shard, around the mean: the standard deviation of six shards' seconds of sound
START = 5.0  # s, until processes are running
CROPS = 119_716  # crops/s from the store: benchmarks/loader.py
TRAIN = 800  # clips/s through the CNN, forward and backward, two cores: benchmarks/train.py
CLIP, MP3, FEATURES = 37_500, 37_500, 50_100  # bytes per clip: in the archive (8.0), in a shard of clips, of features

CLIPS_PER_SHARD = 500
CORES = (2, 16, 64)
RELEASES = {  # clips in the archive, clips chosen
    "450,000 of 2.0 M clips of English 8.0": (2_000_000, 450_000),
    "all 1.88 M clips of English 25.0": (1_880_000, 1_880_000),
}


def shard_seconds(clips: int, seed: int = 0) -> np.ndarray:
    """How long each shard takes to decode, in s. Shape: (shards,)."""
    shards = -(-clips // CLIPS_PER_SHARD)
    return CLIPS_PER_SHARD / DECODE * np.random.default_rng(seed).normal(1, SPREAD, shards)


def makespan(seconds: Iterable[float], cores: int) -> float:
    """When the last task ends, if each goes to the core that is free first."""
    free = [0.0] * cores
    for each in seconds:
        heapq.heappush(free, heapq.heappop(free) + each)
    return max(free)


def row(title: str, archived: int, chosen: int) -> tuple[str, ...]:
    size = archived * CLIP
    decoding = (START + makespan(shard_seconds(chosen) / BESIDE_OTHERS, cores) for cores in CORES)
    return (
        title,
        duration(size / TABLES),
        duration(size / PACK),
        *map(duration, decoding),
        f"{chosen * MP3 / 1e9:.0f} GB",
        f"{chosen * FEATURES / 1e9:.0f} GB",
        duration(chosen / CROPS),
        duration(chosen / TRAIN),
    )


def main() -> None:
    header = ("", "tables", "pack", *(f"decode, {cores} cores" for cores in CORES))
    header += ("clips", "features", "an epoch's crops", "an epoch of the CNN, 2 cores")
    markdown(header, [row(title, *counts) for title, counts in RELEASES.items()])


if __name__ == "__main__":
    main()
