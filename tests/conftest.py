"""Small inputs that the tests make for themselves: sounds, shards of them, releases."""

import io
import os
import shutil
import tarfile
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
import soundfile
from filelock import FileLock

from features.front_end import FrontEnd, Reading
from features.front_ends.opening import describe
from pipeline.corpus.ages import YEARS
from pipeline.corpus.archive import Archive
from pipeline.corpus.note import write_note
from tests.project import clone, done, make_project

GROUPS = {
    "teens": ["teens"],
    "twenties": ["twenties"],
    "thirties": ["thirties"],
    "forties": ["fourties"],
    "fifties": ["fifties"],
    "sixties+": ["sixties", "seventies", "eighties", "nineties"],
}


LONGEST = ("test_project.py", "test_forks.py", "test_remotes.py", "test_readme.py", "test_signals.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: begun last, one would run alone while the other processes wait."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def front_end() -> FrontEnd:
    settings = {"n_mels": 64, "window": 0.025, "hop": 0.010, "f_min": 20, "f_max": 7600}
    return describe("logmel", Reading(16000, trim=40, shortest=0.5, longest=60), settings)


@pytest.fixture(scope="session")
def groups() -> dict[str, list[str]]:
    return GROUPS


def buzz(seconds: float, rate: int, seed: int) -> np.ndarray:
    """A buzzing sound with some noise. Shape: (samples,)."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    pitch = random.uniform(90, 250)
    tones = sum(np.sin(2 * np.pi * pitch * number * time) / number for number in range(1, 20))
    return 0.1 * tones + 0.01 * random.standard_normal(len(time))


def encode(samples: np.ndarray, rate: int, form: str = "MP3", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format=form)
    return file.getvalue()


def encode_by_ffmpeg(samples: np.ndarray, rate: int, form: str, codec: str) -> bytes:
    """As `encode`, for what libsndfile does not write; mono."""
    file, whole = io.BytesIO(), np.int16(32767 * samples)[None]
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(
            codec, rate=rate, layout="mono", format=av.Codec(codec, "w").audio_formats[0].name
        )
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate = rate
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))
    return file.getvalue()


@pytest.fixture(scope="session")
def mp3() -> callable:
    """A function (seconds, rate=48000, seed=0) → the bytes of an MP3."""
    return lambda seconds, rate=48000, seed=0: encode(buzz(seconds, rate, seed), rate)


def release_table(clips: int, speakers: int) -> pd.DataFrame:
    """The table of a clean release in the form of 6.1, its speakers dealt over all ages and two genders."""
    ages = ["teens", "twenties", "thirties", "fourties", "fifties", "sixties"]
    voice = np.arange(clips) % speakers
    return pd.DataFrame(
        {
            "client_id": [f"client{number}" for number in voice],
            "path": [f"common_voice_en_{number:04d}.mp3" for number in range(clips)],
            "sentence": [f"Sentence {number}." for number in range(clips)],
            "up_votes": "2",
            "down_votes": "0",
            "age": [ages[number % len(ages)] for number in voice],
            "gender": ["male" if number // len(ages) % 2 else "female" for number in voice],
            "accent": "",
            "locale": "en",
            "segment": "",
        }
    )


@pytest.fixture
def table() -> callable:
    return release_table


def write_table(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(table.columns), *("\t".join(row) for row in table.astype("str").itertuples(index=False))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_release(folder: Path, table: pd.DataFrame, clips: dict[str, bytes]) -> Path:
    """An unpacked release; returns its validated.tsv."""
    write_table(table, folder / "validated.tsv")
    (folder / "clips").mkdir(exist_ok=True)
    for name, data in clips.items():
        (folder / "clips" / name).write_bytes(data)
    return folder / "validated.tsv"


def with_ages(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a manifest, with what it says of each age word, and the name of a corpus."""
    return rows.assign(years=rows["age"].map(YEARS), is_exact=False, corpus="corpus.tar")


def list_release(folder: Path, tables: dict[str, pd.DataFrame], name: str = "corpus.tar") -> Path:
    """What the stage `tables` leaves of an archive of this name, with all the clips that its tables list."""
    for table, rows in tables.items():
        write_table(rows, folder / f"{table}.tsv")
    clips = sorted({path for rows in tables.values() for path in rows.get("path", [])})
    write_note(Archive(Path(name)), folder, clips)
    return folder


def write_archive(validated: Path, archive: Path) -> Path:
    """The release beside `validated` as an archive, its tables after its clips."""
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(validated.parent.rglob("*.*")):
            tar.add(path, f"cv-corpus-test/en/{path.relative_to(validated.parent)}")
    return archive


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A committed copy of the project with a small demo, after its first `dvc repro`; to be copied, not changed.

    Made once, by whichever of the processes that run the tests needs it first.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, whole = shared / "made" / "project", shared / "made" / "whole"
    with FileLock(shared / "made.lock"):
        if not whole.exists():
            folder.mkdir(parents=True)
            make_project(folder)
            whole.touch()
    return folder


@pytest.fixture(scope="module")
def copy(made, tmp_path_factory) -> Path:
    """A clone of that with its data, for the tests of a module to work in."""
    folder = clone(made, tmp_path_factory.mktemp("copy") / "project")
    shutil.copytree(made / ".dvc/cache", folder / ".dvc/cache")
    done("dvc checkout", folder)
    return folder
