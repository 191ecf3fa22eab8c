"""How long does the decode stage take, compared with bare decoding and with what people write in torchaudio or librosa?

It decodes clips that the last run packed. The latter two run if installed: pip install -e '.[bench]', and FFmpeg for
torchaudio.
"""

import io
import tempfile
from collections.abc import Callable
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path

import pandas as pd
import soundfile
from threadpoolctl import threadpool_limits

from benchmarks.timing import median_seconds, needs, one_core, show
from features.decoding.sound import quiet_decoder
from features.front_end import FrontEnd
from features.index import write_index
from features.shard import ShardWriter, read_shard
from pipeline.decode import decode
from pipeline.params import load_params
from pipeline.paths import CLIPS, CLIPS_INDEX, MANIFEST
from pipeline.running.engine import on_loky

CLIP_COUNT, ROUNDS = 500, 7


def sample(folder: Path) -> dict[str, bytes]:
    """Packed clips that soundfile can decode, and in `folder` a packed shard of them."""
    members = chain.from_iterable(read_shard(path) for path in sorted(needs(CLIPS).glob("*.tar")))
    with quiet_decoder():
        clips = dict(islice(filter(lambda member: is_decodable(member[1]), members), CLIP_COUNT))
    with ShardWriter(folder / "00000.tar") as shard:
        for name, data in clips.items():
            shard.add(name, data)
    keys = [name.split(".")[0] for name in clips]
    pd.DataFrame({"key": keys, "shard": "00000.tar"}).to_parquet(folder / CLIPS_INDEX.name)
    return clips


def is_decodable(data: bytes) -> bool:
    try:
        return len(soundfile.read(io.BytesIO(data))[0]) > 0
    except soundfile.LibsndfileError:
        return False


def bare(clips: dict[str, bytes]) -> None:
    with threadpool_limits(1), quiet_decoder():
        for data in clips.values():
            soundfile.read(io.BytesIO(data), dtype="float32")


def stage(packed: Path, front_end: FrontEnd) -> None:
    """Everything that the stage does with a shard, from the file to the index."""
    out = Path(tempfile.mkdtemp(dir=packed))
    listings = decode(packed, pd.read_parquet(MANIFEST), out, front_end, partial(on_loky, jobs=1))
    write_index(out, [row for listing in listings for row in listing["index"]], front_end)


def by_torchaudio(paths: list[Path], front_end: FrontEnd) -> None:
    import torchaudio

    rate, transforms = front_end.sound.sample_rate, torchaudio.transforms
    mel = transforms.MelSpectrogram(
        rate, f_min=front_end.settings["f_min"], f_max=front_end.settings["f_max"], **framing(front_end)
    )
    resample = cache(lambda source: transforms.Resample(source, rate))
    for path in paths:
        samples, source = torchaudio.load(path)
        (mel(resample(source)(samples.mean(dim=0))) + 1e-6).log()


def by_librosa(paths: list[Path], front_end: FrontEnd) -> None:
    import librosa

    rate = front_end.sound.sample_rate
    for path in paths:
        samples, _ = librosa.load(path, sr=rate)
        mel = librosa.feature.melspectrogram(
            y=samples, sr=rate, fmin=front_end.settings["f_min"], fmax=front_end.settings["f_max"], **framing(front_end)
        )
        librosa.power_to_db(mel)


def framing(front_end: FrontEnd) -> dict[str, int]:
    """The settings that have the same names in torchaudio and librosa."""
    return {
        "n_fft": 512,
        "win_length": round(front_end.settings["window"] * front_end.sound.sample_rate),
        "hop_length": round(front_end.hop * front_end.sound.sample_rate),
        "n_mels": front_end.values,
    }


def works(way: Callable[[], None]) -> bool:
    try:
        way()
    except (ImportError, RuntimeError, OSError):  # not installed, or installed without FFmpeg
        return False
    return True


def main() -> None:
    one_core()
    front_end = load_params().front_end()
    with tempfile.TemporaryDirectory() as folder:
        clips = sample(Path(folder))
        paths = [Path(folder) / name for name in clips]
        for path, data in zip(paths, clips.values(), strict=True):
            path.write_bytes(data)
        ways = {"bare soundfile": lambda: bare(clips), "decode stage": lambda: stage(Path(folder), front_end)}
        for name, others in {"torchaudio": by_torchaudio, "librosa": by_librosa}.items():
            if works(partial(others, paths[:1], front_end)):
                ways[name] = partial(others, paths, front_end)
        taken = median_seconds(ways, ROUNDS)
    rows = [
        (
            name,
            f"{seconds / len(clips) * 1000:.2f}",
            f"{len(clips) / seconds:,.0f}",
            f"{seconds / taken['bare soundfile']:.2f}",
        )
        for name, seconds in taken.items()
    ]
    show(f"Decoding {len(clips)} clips, median of {ROUNDS} rounds", ("", "ms/clip", "clips/s", "× bare"), rows)


if __name__ == "__main__":
    main()
