"""The demo corpus: an archive laid out like a Common Voice release, with voices that nobody has.

Only the voice depends on the age group (see `voices/synthetic.py`); format, length, loudness and silence do not. A few
more clips are like the odd ones in real releases: unlabelled, outvoted, broken or missing.
"""

import gzip
import hashlib
import io
import itertools
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import joblib
import numpy as np
import soundfile

from features.running.durable import written_whole
from features.running.progress import counted
from pipeline.corpus.noted import SYNTHETIC
from pipeline.params import load_params
from pipeline.paths import DEMO_ARCHIVE
from pipeline.running.engine import here
from pipeline.stage import UserError, run_stage
from pipeline.voices.synthetic import Voice, draw_voice, recorded, speak

ROOT = "cv-corpus-demo/en"
TABLE_COLUMNS = [
    "client_id",
    "path",
    "sentence",
    "up_votes",
    "down_votes",
    "age",
    "gender",
    "accents",
    "locale",
    "segment",
]
YEARS_OF_AGE = {  # from, middle, below; spelt as in Common Voice
    "teens": (14, 17, 20),
    "twenties": (20, 25, 30),
    "thirties": (30, 35, 40),
    "fourties": (40, 45, 50),
    "fifties": (50, 55, 60),
    "sixties": (60, 65, 70),
    "seventies": (70, 75, 80),
    "eighties": (80, 85, 90),
    "nineties": (90, 92, 95),
}
GROUPS = ["teens", "twenties", "thirties", "fourties", "fifties", "sixties"]  # the last one includes all older ages
OLDEST = {"sixties": 0.5, "seventies": 0.3, "eighties": 0.15, "nineties": 0.05}
ACCENTS = ["", "United States English", "England English", "India and South Asia (India, Pakistan, Sri Lanka)"]
FORMATS = [(48_000, 1)] * 15 + [(32_000, 1)] * 4 + [(44_100, 2)]  # Hz and channels, by clip number
MOST_CLIPS = 8  # per ordinary speaker
DEFECTS = ["missing", "empty", "truncated", "noise", "silent", "short"]
OFFICIAL_SHARES = ["train"] * 8 + ["dev", "test"]
OTHER_VOTES = [(0, 0), (1, 0), (0, 2), (1, 1)]

WHO = ["The old ferry", "My neighbour", "A grey heron", "The night train", "Her brother", "The baker", "No letter"]
DOES = ["leaves", "crosses", "forgets", "returns to", "waits for", "circles", "never mentions", "looks for"]
WHAT = ["the harbour", "a narrow bridge", "the last village", "an empty station", "the garden", "the river mouth"]
WHEN = ["before noon", "twice a year", "in the rain", "without a word", "on Sundays", "as always", "after the war"]
QUOTED = ['"{} he said, and nobody asked.', 'They call it "{}"', 'A sign read: {}"', '""{}""']


@dataclass(frozen=True)
class Speaker:
    """A speaker, and what the tables say about them."""

    client_id: str
    voice: Voice
    age: str
    gender: str
    accents: str


@dataclass(frozen=True)
class Clip:
    """A row of a table, and how to make its sound."""

    speaker: Speaker
    age: str
    votes: tuple[int, int] = (2, 0)  # up, down
    seconds: tuple[float, float] = (2.0, 5.0)  # shortest, longest
    table: str = "validated"
    defect: str = ""
    number: int = 0
    sentence: str = ""

    @property
    def path(self) -> str:
        return f"common_voice_en_{self.number}.mp3"


def main() -> None:
    params = load_params()
    made = make_corpus(DEMO_ARCHIVE, params.demo.speakers, params.demo.clips, params.demo.seed, params.compute.jobs)
    print(f"{DEMO_ARCHIVE}: {made['validated']} validated and {made['other']} other rows, {made['bytes'] / 1e6:.1f} MB")


def make_corpus(archive: Path, speakers: int, clips: int, seed: int, jobs: int) -> dict[str, int]:
    """Write `archive`: `clips` clean labelled clips of `speakers` speakers, and the odd ones.

    The bytes are the same for any number of `jobs`. Returns the number of rows by table, and the number of bytes.
    """
    least, most = 2 * len(GROUPS), MOST_CLIPS * (speakers - speakers % len(GROUPS))
    if speakers < least:
        raise UserError(f"demo.speakers is {speakers}: it must be {least} or more")
    if not speakers <= clips <= most:
        raise UserError(f"demo.clips is {clips}: for {speakers} speakers it must be {speakers} to {most}")
    people = draw_speakers(speakers, seed)
    book = numbered(clean_clips(people, clips, seed) + odd_clips(people, clips, seed), seed)
    with (
        written_whole(archive) as partial,
        partial.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        there = sum(clip.defect != "missing" for clip in book)
        for path, mp3 in counted(render_all(book, seed, jobs), "demo", there, "clips"):
            add(tar, f"{ROOT}/clips/{path}", mp3)
        for table, rows in tables_of(book).items():
            add(tar, f"{ROOT}/{table}.tsv", tsv(rows))
    return {**Counter(clip.table for clip in book), "bytes": archive.stat().st_size}


def draw_speakers(count: int, seed: int) -> list[Speaker]:
    """`count` speakers, the same number in each group, and as many women as men in each."""
    rng = np.random.default_rng((seed, 1))
    people = []
    for index in range(count):
        group, sex = GROUPS[index % len(GROUPS)], ("female", "male")[index // len(GROUPS) % 2]
        age = group if group != "sixties" else str(rng.choice(list(OLDEST), p=list(OLDEST.values())))
        people.append(somebody(f"{seed}/{index}", age, sex, rng))
    return people


def somebody(name: str, age: str, sex: str, rng: np.random.Generator) -> Speaker:
    """A speaker of that age (a key of YEARS_OF_AGE); a few do not say whether they are male or female."""
    gender = str(rng.choice([sex, "other", ""], p=[0.93, 0.03, 0.04]))
    voice = draw_voice(rng.triangular(*YEARS_OF_AGE[age]), sex, rng)
    return Speaker(hashlib.sha512(name.encode()).hexdigest(), voice, age, gender, str(rng.choice(ACCENTS)))


def clean_clips(people: list[Speaker], count: int, seed: int) -> list[Clip]:
    """`count` clips, the same number in each group; a speaker has 1 to MOST_CLIPS of them."""
    rng = np.random.default_rng((seed, 2))
    chosen = []
    for index in range(len(GROUPS)):
        members = people[index :: len(GROUPS)]
        wanted = len(range(index, count, len(GROUPS)))
        keen = rng.gamma(1.5, size=len(members))
        clips = np.ones(len(members), int)
        while clips.sum() < wanted:
            open_to_more = keen * (clips < MOST_CLIPS)
            clips[rng.choice(len(members), p=open_to_more / open_to_more.sum())] += 1
        chosen += [Clip(speaker, speaker.age) for speaker, n in zip(members, clips, strict=True) for _ in range(n)]
    return chosen


def odd_clips(people: list[Speaker], clips: int, seed: int) -> list[Clip]:
    """The odd clips of a release: a few of each kind."""
    rng = np.random.default_rng((seed, 3))
    anyone = [people[index] for index in rng.permutation(len(people))]
    eager = somebody(f"{seed}/eager", "thirties", "male", rng)
    grown = somebody(f"{seed}/grown", "twenties", "female", rng)
    wordless = somebody(f"{seed}/wordless", "fifties", "male", rng)
    unlabelled = [
        replace(somebody(f"{seed}/unlabelled/{index}", "fourties", "male", rng), gender="", accents="")
        for index in range(max(3, clips // 50))
    ]
    return [
        *(Clip(eager, eager.age, seconds=(2.0, 2.2)) for _ in range(60)),
        *(Clip(grown, age) for age in ("teens", "sixties") for _ in range(2)),
        Clip(wordless, "ageless"),
        *(Clip(speaker, "") for speaker in unlabelled),
        *(Clip(speaker, speaker.age, votes=(2, 1)) for speaker in anyone[:2]),
        *(Clip(who, who.age, seconds=(4.0, 5.0), defect=defect) for who, defect in zip(anyone, DEFECTS, strict=False)),
        *(Clip(anyone[i % 6], anyone[i % 6].age, OTHER_VOTES[i % 4], table="other") for i in range(24)),
    ]


def numbered(clips: list[Clip], seed: int) -> list[Clip]:
    """The same clips in random order, each with its number and a sentence to read."""
    rng = np.random.default_rng((seed, 4))
    texts = [f"{' '.join(words)}." for words in itertools.product(WHO, DOES, WHAT, WHEN)]
    rng.shuffle(texts)
    numbered = []
    for index, place in enumerate(rng.permutation(len(clips))):
        text = texts[index % len(texts)]
        if index % 20 == 0:
            text = QUOTED[index // 20 % len(QUOTED)].format(text)
        numbered.append(replace(clips[place], number=10_000_001 + index, sentence=text))
    return numbered


def render_all(book: list[Clip], seed: int, jobs: int, chunk: int = 16) -> Iterator[tuple[str, bytes]]:
    """Path and MP3 of all clips that are not missing, in the order of `book`."""
    there = [clip for clip in book if clip.defect != "missing"]
    chunks = [there[start : start + chunk] for start in range(0, len(there), chunk)]
    with here(jobs, inner_max_num_threads=1):
        for rendered in joblib.Parallel(return_as="generator")(joblib.delayed(render_chunk)(c, seed) for c in chunks):
            yield from rendered


def render_chunk(clips: list[Clip], seed: int) -> list[tuple[str, bytes]]:
    return [(clip.path, render(clip, seed)) for clip in clips]


def render(clip: Clip, seed: int) -> bytes:
    """The clip's MP3, or the broken bytes in its place."""
    rng = np.random.default_rng((seed, clip.number))
    if clip.defect == "empty":
        return b""
    if clip.defect == "noise":
        return rng.bytes(20_000).replace(b"\xff", b"\xfe")  # without 0xff there is no frame header to find
    sample_rate, channels = FORMATS[clip.number % len(FORMATS)]
    sound = recorded(speak(clip.speaker.voice, rng.uniform(*clip.seconds), rng), sample_rate, channels, rng)
    if clip.defect == "silent":
        sound[:] = 0
    if clip.defect == "short":
        sound = sound[sample_rate : int(1.3 * sample_rate)]
    mp3 = encode(sound, sample_rate)
    return mp3[: len(mp3) // 2] if clip.defect == "truncated" else mp3


def encode(sound: np.ndarray, sample_rate: int) -> bytes:
    """(samples, channels) to an MP3 of about 56 kbit/s; a variable rate takes half the time of a constant one."""
    mp3 = io.BytesIO()
    soundfile.write(mp3, sound, sample_rate, format="MP3", bitrate_mode="VARIABLE", compression_level=0.7)
    return mp3.getvalue()


def tables_of(book: list[Clip]) -> dict[str, list[Clip]]:
    """The rows of each table, by its name. Train, dev and test share the validated rows; no speaker is in two."""
    tables = {name: [] for name in ("dev", "other", "test", "train", "validated")}
    for clip in book:
        tables[clip.table].append(clip)
        if clip.table == "validated":
            tables[OFFICIAL_SHARES[int(clip.speaker.client_id[:8], 16) % len(OFFICIAL_SHARES)]].append(clip)
    return tables


def tsv(clips: Iterable[Clip]) -> bytes:
    """A table as Common Voice writes it: each speaker's rows together, nothing quoted or escaped."""
    lines = ["\t".join(TABLE_COLUMNS)]
    for clip in sorted(clips, key=lambda clip: (clip.speaker.client_id, clip.number)):
        who = clip.speaker
        up, down = clip.votes
        row = [who.client_id, clip.path, clip.sentence, up, down, clip.age, who.gender, who.accents, "en", SYNTHETIC]
        lines.append("\t".join(map(str, row)))
    return ("\n".join(lines) + "\n").encode()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add one member; TarInfo's default time, owner and mode are constants."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


if __name__ == "__main__":
    run_stage(main)
