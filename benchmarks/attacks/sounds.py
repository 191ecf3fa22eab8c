"""Do decode and predict always accept a sound file or reject it with one line, however broken it is?"""

import os
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.attacks.damage import any_of
from benchmarks.attacks.recordings import BY_FFMPEG, BY_LIBSNDFILE, FORMS, NAMED, changed, recording
from benchmarks.attacks.siege import Input, Unaccounted, arguments, besiege
from benchmarks.attacks.tiny import FRONT_END, write_linear
from features.decoding.decoder import decode_shard, read_listing
from features.decoding.sound import quiet_decoder
from features.index import write_index
from features.shard import ShardWriter
from features.store import Store
from models.asking.predictor import Predictor
from pipeline.predict import predictions
from pipeline.stage import UserError

COMMON = ("WAV", "FLAC", "OGG", "M4A")
CLIPS, STORE, SOUND = Path("data/clips.tar"), Path("data/features"), Path("data/sound")


@cache
def neighbour() -> bytes:
    """A clip that has nothing wrong with it."""
    return recording("MP3", np.random.default_rng(0))


@cache
def predictor() -> Predictor:
    with TemporaryDirectory() as folder:
        write_linear(Path(folder) / "model")
        return Predictor(Path(folder) / "model", unsure=0.4)


def inputs(outside: Path, mp3s: int, others: int, seed: int) -> Iterator[Input]:
    for number in range(mp3s + others):
        rng = np.random.default_rng([seed, number])
        form = "MP3"
        if number >= mp3s:
            form = any_of(rng, any_of(rng, [COMMON, COMMON, BY_LIBSNDFILE, list(BY_FFMPEG)]))
        another = recording(any_of(rng, ["MP3", form, any_of(rng, FORMS)]), rng)
        data = changed(recording(form, rng), another, rng)
        yield f"{form} {number} of seed {seed}", partial(attempt, data)


def attempt(data: bytes) -> None:
    """Run decode and predict on a sound. Raises UserError if they reject it.

    The file that playlists name is a pipe that nobody writes to: whatever opens it waits too long.
    """
    os.mkfifo(NAMED)
    is_rejected, complaint = decode_it(data), predict_it(data)
    if is_rejected != bool(complaint):
        raise AssertionError(f"decode {'rejects' if is_rejected else 'takes'} it, predict says: {complaint or 'fine'}")
    if complaint:
        raise UserError(complaint)


def decode_it(data: bytes) -> bool:
    """Whether decode rejects a clip between two others; each of the three must be in the index or in the rejects."""
    clips = {"before": neighbour(), "tried": data, "after": neighbour()}
    with ShardWriter(CLIPS) as shard:
        for key, each in clips.items():
            shard.add(f"{key}.mp3", each)
    STORE.mkdir()
    decode_shard(CLIPS, STORE / "00000.tar", {key: {} for key in clips}, FRONT_END)
    listing = read_listing(STORE / "00000.tar")
    rejects = {row["key"]: f"{row['reason']} {row['detail']}" for row in listing["rejects"]}
    indexed = [row["key"] for row in listing["index"]]
    if sorted([*indexed, *rejects]) != sorted(clips):
        raise Unaccounted(f"index: {indexed}, rejects: {list(rejects)}")
    write_index(STORE, listing["index"], FRONT_END)
    store = Store(STORE)
    features = {key: store.clip(row) for key, row in zip(indexed, store.rows_of(indexed), strict=True)}
    if not all(len(each) and np.isfinite(each).all() for each in features.values()):
        raise AssertionError("features that are not finite")
    if not np.array_equal(features["before"], features["after"]):
        raise AssertionError("the clip before it has different features from the same one after it")
    return "tried" in rejects


def predict_it(data: bytes) -> str:
    """Why predict refuses a file; nothing if it answers."""
    SOUND.write_bytes(data)
    refused = []
    for _, answer in predictions(predictor(), [str(SOUND)], lambda name, why: refused.append(why)):
        numbers = [answer.age, answer.seconds, answer.probability, *answer.probabilities.values()]
        if not np.isfinite(numbers).all() or abs(sum(answer.probabilities.values()) - 1) > 1e-6:
            raise AssertionError(f"it answers {answer}")
        with quiet_decoder():
            predictor().whole_logmel(data)  # as the page draws it
    return "".join(refused)


if __name__ == "__main__":
    chosen = arguments(__doc__, mp3s=1000, others=200, seed=0)
    besiege(partial(inputs, mp3s=chosen.mp3s, others=chosen.others, seed=chosen.seed), "sounds")
