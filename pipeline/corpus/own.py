"""Own: tables of people's own recordings, with ages in years, decades or years of birth.

`clips.csv` (comma-separated, quoted or not) or `.tsv` (tabs, nothing is quoted) with a header:

    path        the recording, relative to the table; in any folder beneath it
    speaker     who speaks (filter.speaker says what to do without it)
    age         in years, or a decade as in Common Voice; or birth_year and year (of the recording)
    gender, locale, accent, sentence, split (train, val or dev, test)      if they are known

Other columns are ignored.
"""

from pathlib import Path

import pandas as pd

from pipeline.corpus.ages import OLDEST, age_word
from pipeline.corpus.commonvoice import GENDERS, SPLIT_NAMES, UNSTATED, without_damaged
from pipeline.corpus.delimited import fields_of, read_delimited
from pipeline.corpus.hashes import hashes
from pipeline.stage import UserError

COLUMNS = ("path", "speaker", "age", "birth_year", "year", "gender", "locale", "accent", "sentence", "split")
SEXES = {"f": "female", "m": "male", "woman": "female", "man": "male"}


def read_table(path: Path, each_clip_another: bool) -> pd.DataFrame:
    """The table in the columns of `commonvoice.read_table`, with `years` and `official`, one row per line.

    A table without speakers is refused, unless each clip is of another person. A damaged line keeps `client_id` and
    `path` if it has them. Raises UserError for a table without the columns needed.
    """
    fields, excess = read_delimited(path, COLUMNS, fields_of(path))
    check(path, fields, each_clip_another)
    given = {name: fields[name].str.strip() if name in fields else pd.Series("", fields.index) for name in COLUMNS}
    stated = years_of(given)
    gender = given["gender"].str.lower().replace(SEXES)
    table = pd.DataFrame(
        {
            "client_id": given["speaker" if "speaker" in fields else "path"],
            "path": fields["path"],
            "sentence": given["sentence"].where(given["sentence"] != "", given["path"]),  # unknown: no repeats
            "up_votes": "1",
            "down_votes": "0",
            "age": given["age"].where(stated.isna(), stated.map(age_word)),
            "gender": gender.map(GENDERS).fillna(UNSTATED),
            "locale": given["locale"],
            "accent": given["accent"],
            "years": stated.where((stated > 0) & (stated <= OLDEST)),
            "official": given["split"].str.lower().map(SPLIT_NAMES).fillna(""),
        }
    )
    return without_damaged(table, excess)


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
