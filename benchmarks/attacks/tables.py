"""Do filter and a user's split always account for every row or fail with one line, however damaged a table is?"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.attacks.damage import Random, any_of, damage
from benchmarks.attacks.siege import Input, Unaccounted, arguments, besiege
from features.shard import ShardWriter
from pipeline.corpus.ages import AGES
from pipeline.corpus.archive import Archive
from pipeline.corpus.commonvoice import read_columns
from pipeline.corpus.hashes import hashes
from pipeline.corpus.note import write_note
from pipeline.corpus.rows import read_corpora
from pipeline.filter import apply_rules, check_rows, count, manifest_of, prepare
from pipeline.params import Filter
from pipeline.splits.listed import listed_split

ROWS, SPEAKERS = 60, 20
HEADER = ["client_id", "path", "sentence", "up_votes", "down_votes", "age", "gender", "accents", "locale", "segment"]
TABLES, OWN = Path("data/tables"), Path("data/own.csv")
SETTINGS = Filter(
    tables=["validated"],
    votes="all",
    conflict="drop",
    repeats="drop",
    clips_per_speaker=5,
    balance="undersample",
    clips_per_group=None,
    groups={"young": ["teens", "twenties", "thirties"], "old": ["fourties", "fifties", "sixties"]},
    seed=0,
)
SEPARATORS = ["\t", "\t\t", "\n", "\r", "\r\n", "\0", '"', "'", ",", ";", "\ufeff", "\x1b[2J", "\x85", "\u2028"]
PATHS = ["../../outside/evil.mp3", "/etc/passwd", "..", ".", ".mp3", "a/b", "é" * 60, "声" * 35, "x" * 300]
WORDS = [
    "NA",
    "nan",
    "-1",
    "1e400",
    "９",
    "inf",
    "teens",
    "fourties",
    "twenties ",
    "\\N",
    "=1+1",
    "%s%n",
    "𝔊",
    "x" * 200_000,
]
STRANGE = [*SEPARATORS, *PATHS, *WORDS]


def release(rng: Random) -> list[list[str]]:
    """The lines of a small table, header first, as fields."""
    voices = rng.integers(SPEAKERS, size=ROWS)
    rest = ["2", "0", "male", "", "en", ""]
    rows = [
        [f"speaker{voice}", f"clip_{number}.mp3", f"Sentence {number}.", *rest[:2], AGES[voice % 6], *rest[2:]]
        for number, voice in enumerate(voices)
    ]
    return [HEADER, *rows]


def own_split(rng: Random) -> list[list[str]]:
    splits = ["train", "val", "test", "dev"]
    return [["speaker", "split"], *([f"speaker{voice}", splits[rng.integers(4)]] for voice in range(SPEAKERS))]


def change_fields(lines: list[list[str]], rng: Random) -> list[list[str]]:
    """The lines with strange fields, fields too many or too few, or a line repeated elsewhere."""
    lines = [list(line) for line in lines]
    for _ in range(rng.integers(1, 6)):
        line = lines[rng.integers(len(lines)) * rng.integers(2)]  # often the header, or the first row
        line = any_of(rng, [line, lines[1], any_of(rng, lines)])
        place = rng.integers(len(line) + 1)
        match rng.integers(5):
            case 0:
                line[place : place + 1] = [any_of(rng, STRANGE)]
            case 1:
                line[place:place] = [any_of(rng, STRANGE)]
            case 2 if len(line) > 1:
                del line[place - 1]
            case 3:
                line[place - 1] += any_of(rng, STRANGE)
            case 4:
                lines.insert(rng.integers(len(lines) + 1), list(line))
    return lines


def inputs(outside: Path, tables: int, seed: int) -> Iterator[Input]:
    for number in range(tables):
        rng = np.random.default_rng([seed, number])
        make, separator, attempt = any_of(rng, [(release, "\t", filter_it), (own_split, ",", split_by_it)])
        lines = change_fields(make(rng), rng)
        data = any_of(rng, ["\n", "\n", "\r\n"]).join(separator.join(line) for line in lines).encode()
        if rng.integers(3) == 0:
            data = damage(data, rng)
        yield f"{attempt.__name__}, table {number} of seed {seed}", partial(attempt, data)


def filter_it(data: bytes) -> None:
    """Run filter on a table, both as rows and as a split. Raises Unaccounted unless every line is accounted for."""
    folder = TABLES / "000"
    folder.mkdir(parents=True)
    for name in ("validated", "train"):
        (folder / f"{name}.tsv").write_bytes(data)
    write_note(Archive(Path("corpus.tar")), folder, read_columns(folder / "validated.tsv", ["path"])["path"])
    rows = prepare(read_corpora([folder], SETTINGS), SETTINGS)
    rows["outcome"] = apply_rules(rows, SETTINGS)
    account = count(rows)
    lines = [line for line in data.split(b"\n") if line.removesuffix(b"\r")]
    if not account["rows"] == len(lines) - 1 == sum(fates(account)):
        raise Unaccounted(f"{sum(fates(account))} of {len(lines) - 1} rows are accounted for")
    rows[["corpus", "table", "path", "outcome"]].sort_index().to_parquet("data/rows.parquet", index=False)
    check_rows(Path("data/rows.parquet"), [folder])
    manifest = manifest_of(rows)
    manifest.to_parquet("data/manifest.parquet", index=False)
    with ShardWriter(Path("data/00000.tar")) as shard:
        for key in manifest["key"]:
            shard.add(f"{key}.mp3", b"")


def fates(account: dict) -> list[int]:
    return [account["kept"]["clips"], *(rule["dropped"] for rule in account["rules"].values())]


def split_by_it(data: bytes) -> None:
    """Run split on a user's own file."""
    OWN.write_bytes(data)
    clients = pd.Series([f"speaker{number}" for number in range(SPEAKERS)])
    rows = pd.DataFrame({"speaker": hashes(clients).astype("str"), "path": [f"clip_{n}.mp3" for n in range(SPEAKERS)]})
    given = listed_split(rows, OWN)
    if not set(given.dropna()) <= {"train", "val", "test"}:
        raise AssertionError(f"splits are {set(given)}")


if __name__ == "__main__":
    chosen = arguments(__doc__, tables=200, seed=0)
    besiege(partial(inputs, tables=chosen.tables, seed=chosen.seed), "tables")
