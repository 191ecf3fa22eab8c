"""How many crops per second does the store serve, compared with webdataset on the same shards and with decoding?"""

import random
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import webdataset

from benchmarks.decode import sample
from benchmarks.timing import median_seconds, needs, one_core, show
from features.decoding.sound import Rejected, SoundReader, quiet_decoder
from features.front_end import FrontEnd
from features.front_ends.opening import open_front_end
from features.store import Store
from pipeline.params import load_params
from pipeline.paths import FEATURES

BATCH, FRAMES, BATCHES = 256, 300, 8
DECODED = 256  # clips, by the slow way


def store_batches(store: Store) -> None:
    generator = np.random.default_rng(0)
    for _ in range(BATCHES):
        rows = generator.integers(len(store), size=BATCH)
        starts = generator.integers(np.maximum(store.frames[rows] - FRAMES, 0), endpoint=True)
        assert store.crops(rows, starts, FRAMES).shape == (BATCH, FRAMES, store.values)


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


def decoding_batches(clips: list[bytes], front_end: FrontEnd) -> None:
    """As in the project that this one replaces: a clip is decoded every time it is needed."""
    read_sound, log_mel = SoundReader(front_end.sound), open_front_end(front_end)
    for start in range(0, DECODED, BATCH):
        crops = [random_crop(log_mel(read_sound(clip).samples)) for clip in clips[start : start + BATCH]]
        assert np.stack(crops).shape[:2] == (len(crops), FRAMES)


def random_crop(clip: np.ndarray) -> np.ndarray:
    if len(clip) < FRAMES:
        return np.resize(clip, (FRAMES, clip.shape[1]))
    start = random.randint(0, len(clip) - FRAMES)  # noqa: S311 - not a secret
    return clip[start : start + FRAMES]


def usable(clips: Iterable[bytes], front_end: FrontEnd) -> Iterator[bytes]:
    read_sound = SoundReader(front_end.sound)
    for clip in clips:
        with suppress(Rejected):
            read_sound(clip)
            yield clip


def main() -> None:
    one_core()
    store = Store(needs(FEATURES))
    shards = [str(FEATURES / name) for name in store.shards]
    ways = {"webdataset": lambda: webdataset_batches(shards), "store": lambda: store_batches(store)}
    front_end = load_params().front_end()
    with quiet_decoder(), tempfile.TemporaryDirectory() as folder:
        clips = list(islice(cycle(usable(sample(Path(folder)).values(), front_end)), DECODED))
        ways["decoding in __getitem__"] = lambda: decoding_batches(clips, front_end)
        taken = median_seconds(ways, rounds=7)
    crops = dict.fromkeys(ways, BATCHES * BATCH) | {"decoding in __getitem__": DECODED}
    speed = {name: crops[name] / seconds for name, seconds in taken.items()}
    rows = [
        (name, f"{each:,.0f}", f"{each / speed['webdataset']:.2f}", f"{each / speed['decoding in __getitem__']:.1f}")
        for name, each in speed.items()
    ]
    title = f"Crops from {len(store)} clips, batches of {BATCH} × {FRAMES} frames × {store.values} bands, float16"
    show(title, ("", "crops/s", "× webdataset", "× decoding"), rows)


if __name__ == "__main__":
    main()
