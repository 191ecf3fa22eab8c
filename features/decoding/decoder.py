"""Decoder: from a shard of sound files to a shard of log-mel features. One task, one shard, nothing shared."""

import json
from collections.abc import Collection, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from uuid import uuid4

from threadpoolctl import threadpool_limits

from features.decoding.clip import decode_clip
from features.decoding.sound import Rejected, Sound, SoundReader, quiet_decoder
from features.front_end import FrontEnd
from features.front_ends.opening import Features, open_front_end
from features.running.durable import written_whole
from features.shard import TOO_LARGE, ShardWriter, read_shard


def decode_shard(
    clips: Path,
    logmels: Path,
    about: Mapping[str, Mapping],
    front_end: FrontEnd,
    crashing: Collection[str] = (),
    gpu: bool = False,
) -> int:
    """Decode the shard `clips` into the shard `logmels`; returns how many clips it went through.

    `about` holds the contents of `KEY.json` for each key. Keys in `crashing` are rejected without being decoded. The
    rows for the store's index, and the rejected clips, are written last, beside the shard (see `read_listing`): that
    marks the shard as complete. BLAS uses one thread, so that the bytes do not depend on what else is running. With
    `gpu`, an encoder runs on one if it can.
    """
    read_sound, make_features = SoundReader(front_end.sound), open_front_end(front_end, gpu)
    listing = {"index": [], "rejects": []}
    with threadpool_limits(1), quiet_decoder(), ShardWriter(logmels) as shard:
        for name, data in read_shard(clips):
            key, _, suffix = name.partition(".")
            try:
                if suffix == TOO_LARGE:
                    raise Rejected(TOO_LARGE, "larger than a clip may be")
                if key in crashing:
                    raise Rejected("crashed", "the process decoding it died")
                sound, features = decode_clip(data, read_sound, make_features)
            except Rejected as rejected:
                listing["rejects"].append({"key": key, "reason": rejected.reason, "detail": rejected.detail})
                continue
            shard.add(f"{key}.json", json.dumps(about[key], ensure_ascii=False, sort_keys=True).encode())
            offset = shard.add_array(f"{key}.npy", features)
            place = {"key": key, "shard": logmels.name, "offset": offset, "frames": len(features)}
            listing["index"].append(place | facts(sound))
    count = len(listing["index"]) + len(listing["rejects"])
    if count != len(about):
        raise OSError(f"{clips} is damaged: it holds {count} of the {len(about)} clips in its index")
    begun = logmels.with_name(f".{logmels.name}.{uuid4().hex}")
    with written_whole(listing_path(logmels), begun) as temporary:
        temporary.write_text(json.dumps(listing | {"size": shard.size}), encoding="utf-8")
    return count


def crashing_keys(clips: Path, front_end: FrontEnd, gpu: bool = False) -> list[str]:
    """The keys of the clips in a shard that kill the process decoding them, tried one by one."""
    with Trial(front_end, gpu) as tried:
        return [name.split(".")[0] for name, data in read_shard(clips) if not tried(data)]


@dataclass(frozen=True)
class Tried:
    """What came out of a clip, zeros if it was rejected, and how long it took."""

    seconds: float  # of sound
    values: int  # in its features
    took: float  # s


class Trial:
    """Callable that decodes a clip in a process of its own; returns None if the process dies."""

    def __init__(self, front_end: FrontEnd, gpu: bool = False):
        self.front_end, self.gpu, self.process = front_end, gpu, None

    def __call__(self, data: bytes) -> Tried | None:
        self.process = self.process or ProcessPoolExecutor(1, get_context("spawn"))
        try:
            return self.process.submit(try_clip, data, self.front_end, self.gpu).result()
        except BrokenProcessPool:
            self.process = None
            return None

    def __enter__(self) -> "Trial":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.shutdown()


def try_clip(data: bytes, front_end: FrontEnd, gpu: bool) -> Tried:
    with threadpool_limits(1), quiet_decoder():
        read_sound, make_features = tools(front_end, gpu)
        since, seconds, values = perf_counter(), 0.0, 0
        with suppress(Rejected):
            sound, features = decode_clip(data, read_sound, make_features)
            seconds, values = sound.seconds, features.size
        return Tried(seconds, values, perf_counter() - since)


@cache
def tools(front_end: FrontEnd, gpu: bool) -> tuple[SoundReader, Features]:
    return SoundReader(front_end.sound), open_front_end(front_end, gpu)


def facts(sound: Sound) -> dict:
    return {
        "seconds": round(sound.seconds, 3),
        "sample_rate": sound.sample_rate,
        "channels": sound.channels,
        "loudness": round(sound.loudness, 2),
        "flags": sound.flags,
    }


def listing_path(logmels: Path) -> Path:
    """The path of a decoded shard's listing; the file exists only if the shard is complete."""
    return logmels.with_suffix(".json")


def read_listing(logmels: Path) -> dict | None:
    """A shard's rows for the store's index, under `index`, and its rejects, under `rejects`; None unless it is
    complete.
    """
    try:
        listing = json.loads(listing_path(logmels).read_text(encoding="utf-8"))
        return listing if logmels.stat().st_size == listing["size"] else None
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
