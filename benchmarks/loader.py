"""How many crops a second does the store serve, and how many does webdataset from the same shards?"""

import random
from itertools import islice

import numpy as np
import webdataset

from benchmarks.timing import median_seconds, needs, one_core, show
from features.store import Store
from pipeline.decode import LOGMEL

BATCH, FRAMES, BATCHES = 256, 300, 8


def store_batches(store: Store) -> None:
    generator = np.random.default_rng(0)
    for _ in range(BATCHES):
        rows = generator.integers(len(store), size=BATCH)
        starts = generator.integers(np.maximum(store.frames[rows] - FRAMES, 0), endpoint=True)
        assert store.crops(rows, starts, FRAMES).shape == (BATCH, FRAMES, store.n_mels)


def webdataset_batches(shards: list[str]) -> None:
    batches = (
        webdataset.WebDataset(shards, shardshuffle=False, seed=0)
        .repeat()
        .shuffle(1000, seed=0)
        .decode()
        .map(lambda sample: random_crop(sample["npy"]))
        .batched(BATCH, collation_fn=np.stack, partial=False)
    )
    for batch in islice(batches, BATCHES):
        assert batch.shape[:2] == (BATCH, FRAMES)


def random_crop(clip: np.ndarray) -> np.ndarray:
    if len(clip) < FRAMES:
        return np.resize(clip, (FRAMES, clip.shape[1]))
    start = random.randint(0, len(clip) - FRAMES)  # noqa: S311 - no secret
    return clip[start : start + FRAMES]


def main() -> None:
    one_core()
    store = Store(needs(LOGMEL))
    shards = [str(LOGMEL / name) for name in store.shards]
    ways = {"webdataset": lambda: webdataset_batches(shards), "store": lambda: store_batches(store)}
    taken = median_seconds(ways, rounds=7)
    crops = BATCHES * BATCH
    rows = [
        (name, f"{crops / seconds:,.0f}", f"{taken['webdataset'] / seconds:.1f}") for name, seconds in taken.items()
    ]
    title = f"Crops from {len(store)} clips, batches of {BATCH} × {FRAMES} frames × {store.n_mels} bands, float16"
    show(title, ("", "crops/s", "× webdataset"), rows)


if __name__ == "__main__":
    main()
