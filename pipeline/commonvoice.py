"""Common Voice: the facts about its releases that the stages rest on.

Columns and values as seen in the headers of releases 6.1 to 25.0 and in the project's own description of its
columns (common-voice/cv-dataset, README.md).
"""

import csv
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from pipeline.stage import UserError

AGES = ("teens", "twenties", "thirties", "fourties", "fifties", "sixties", "seventies", "eighties", "nineties")

NEEDED = ("client_id", "path", "sentence", "up_votes", "down_votes", "age", "gender", "locale")
ACCENT = ("accents", "accent")  # 8.0 and later; 6.1 and earlier


def read_table(path: Path) -> pd.DataFrame:
    """A release's table, all columns as text, `accent` under that name, with `table` as its last column.

    Sentences hold stray quotes, so quoting is off. Raises UserError for a file that is no such table, naming the
    columns it lacks.
    """
    try:
        header = pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE, nrows=0).columns
        absent = [name for name in NEEDED if name not in header]
        if absent:
            raise UserError(f"{path} lacks the column{'s' * (len(absent) > 1)} {', '.join(absent)}")
        accent = [name for name in ACCENT if name in header][:1]
        table = pd.read_csv(
            path,
            sep="\t",
            quoting=csv.QUOTE_NONE,
            usecols=[*NEEDED, *accent],
            dtype="str",
            keep_default_na=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no table of Common Voice: {error}") from None
    table = table.rename(columns=dict.fromkeys(accent, "accent"))
    if not accent:
        table["accent"] = ""
    return table[[*NEEDED, "accent"]].assign(table=path.stem)


def age_to_group(groups: dict[str, Iterable[str]]) -> dict[str, str]:
    """The group of each age word."""
    return {age: group for group, ages in groups.items() for age in ages}
