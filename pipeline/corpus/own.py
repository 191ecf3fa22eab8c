"""Own: tables of people's own recordings, with ages in years, decades or years of birth.

`clips.csv` (comma-separated, quoted or not) or `.tsv` (tabs, nothing is quoted) with a header:

    path        the recording, relative to the table; in any folder beneath it
    speaker     who speaks (filter.speaker says what to do without it)
    age         in years, or a decade as in Common Voice; or birth_year and year (of the recording)
    gender, locale, accent, sentence, split (train, val or dev, test)      if they are known

Other columns are ignored.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa

from features.running.progress import counted
from pipeline.corpus.ages import age_word
from pipeline.corpus.archive import clip_bytes, is_file, opened, whole
from pipeline.corpus.commonvoice import GENDERS, OFFICIAL, UNSTATED
from pipeline.corpus.delimited import comma_separated, read_delimited, tab_separated
from pipeline.corpus.hashes import hashes
from pipeline.corpus.names import file_name, name_of
from pipeline.corpus.tar import Member
from pipeline.stage import UserError

COLUMNS = ("path", "speaker", "age", "birth_year", "year", "gender", "locale", "accent", "sentence", "split")
SPLITS = {"train": "train", "val": "val", "test": "test", **OFFICIAL}
SEXES = {"f": "female", "m": "male", "woman": "female", "man": "male"}


class OwnTable:
    """A table of recordings in the folder of the table. It may be named by a link to it."""

    def __init__(self, path: Path, name: str = ""):
        self.path, self.folder = path, path.resolve().parent
        self.name = name or name_of(self.folder.name if path.stem == "clips" else path.stem)

    @cached_property
    def listed(self) -> list[str]:
        """The paths in the table that stay in its folder, each once."""
        fields, _ = read_fields(self.path, ["path"])
        return [path for path in fields["path"].unique() if is_inside(path)] if "path" in fields else []

    def place(self, path: str) -> Path:
        return self.folder / file_name(path)

    def clip_paths(self) -> Iterator[Path]:
        return (place for path in self.listed if is_file(place := self.place(path)))

    def tables(self, clips: list[str] | None = None) -> Iterator[tuple[str, Member]]:
        """The file name and the content of the table; `clips` gets the paths of the recordings that are there."""
        with opened(self.path) as file:
            yield f"clips{self.path.suffix}", whole(file)
        if clips is not None:
            clips += [path for path in self.listed if is_file(self.place(path))]

    def clips(self, paths: set[str]) -> Iterator[tuple[str, bytes | None]]:
        """The path and the bytes of the recordings among `paths` that are there, sorted by path.

        The bytes are None for a recording larger than LARGEST_CLIP.
        """
        for path in counted(sorted(paths), "pack", len(paths), "clips"):
            if is_inside(path) and is_file(place := self.place(path)):
                with opened(place) as file:
                    yield path, clip_bytes(whole(file))

    def any_clips(self) -> Iterator[bytes]:
        """Recordings as they come, except those larger than LARGEST_CLIP."""
        for place in self.clip_paths():
            with opened(place) as file:
                if (data := clip_bytes(whole(file))) is not None:
                    yield data


def is_inside(path: str) -> bool:
    """True for a path that leads down from where it starts: a table must not choose any file that is read."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and path.isprintable()


def read_fields(path: Path, names: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    return read_delimited(path, names, fields_of(path))


def fields_of(path: Path) -> Callable[[str], pa.Array]:
    return comma_separated if path.suffix == ".csv" else tab_separated


def read_table(path: Path, each_clip_another: bool) -> pd.DataFrame:
    """The table in the columns of `commonvoice.read_table`, with `years` and `official`, one row per line.

    A table without speakers is refused, unless each clip is of another person. A damaged line keeps `client_id` and
    `path` if it has them. Raises UserError for a table without the columns needed.
    """
    fields, excess = read_fields(path, list(COLUMNS))
    check(path, fields, each_clip_another)
    given = {name: fields[name].str.strip() if name in fields else pd.Series("", fields.index) for name in COLUMNS}
    years = years_of(given)
    gender = given["gender"].str.lower().replace(SEXES)
    table = pd.DataFrame(
        {
            "client_id": given["speaker" if "speaker" in fields else "path"],
            "path": fields["path"],
            "sentence": given["sentence"].where(given["sentence"] != "", given["path"]),  # unknown: no repeats
            "up_votes": "1",
            "down_votes": "0",
            "age": given["age"].where(years.isna(), years.map(age_word)),
            "gender": gender.map(GENDERS).fillna(UNSTATED),
            "locale": given["locale"],
            "accent": given["accent"],
            "years": years,
            "official": given["split"].str.lower().map(SPLITS).fillna(""),
        }
    )
    if excess.any():
        table.loc[excess != 0, table.columns.drop(["client_id", "path"])] = None
    return table


def check(path: Path, fields: pd.DataFrame, each_clip_another: bool) -> None:
    """Raises UserError naming the columns that are needed and absent."""
    if "path" not in fields:
        raise UserError(f"{path} lacks the column path: where each recording is, relative to the table")
    if "speaker" not in fields and not each_clip_another:
        raise UserError(
            f"{path} lacks the column speaker: without it no split can be trusted. "
            "If every clip is of another person, say so: filter.speaker: path"
        )
    if "age" not in fields and not {"birth_year", "year"} <= set(fields):
        raise UserError(f"{path} lacks ages: it needs the column age (in years, or a decade), or birth_year and year")


def years_of(given: dict[str, pd.Series]) -> pd.Series:
    """Ages in years where they are stated as such; else missing."""
    stated = pd.to_numeric(given["age"], errors="coerce")
    between = pd.to_numeric(given["year"], errors="coerce") - pd.to_numeric(given["birth_year"], errors="coerce")
    return stated.where(given["age"] != "", between)


def keys_of(paths: pd.Series, corpus: str) -> pd.Series:
    """A key for each path, unique over all corpora: what can stand in one, and 8 hex digits of corpus and path."""
    plain = paths.str.replace(r"\.[^./]*$", "", regex=True).str.replace(r"[^0-9A-Za-z-]+", "_", regex=True)
    return plain.str[-60:] + "_" + hashes(corpus + "/" + paths).astype("str").str[:8]
