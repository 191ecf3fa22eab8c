"""Common Voice: the facts about its releases that the stages rely on.

From the headers and values of releases 6.1 to 25.0, and from the project's own description of its columns
(common-voice/cv-dataset, README.md, "Fields"):

    up to 6.1   client_id path sentence up_votes down_votes age gender accent locale segment
    8.0         `accents` instead of `accent`
    13.0        with `variant`
    17.0        with `sentence_id` and `sentence_domain`, and more words for gender
                (common-voice/common-voice, pull requests 4329 and 4363)

Every table of a release has the same columns. Sentences contain stray quotes: nothing is quoted.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.corpus.delimited import read_delimited, tab_separated
from pipeline.stage import UserError

# The words for gender, old and new, and what they count as; any other word counts as not stated.
FEMALE, MALE, OTHER, UNSTATED = "female", "male", "other", ""
GENDERS = {
    "female": FEMALE,  # up to 16.1
    "male": MALE,
    "other": OTHER,
    "female_feminine": FEMALE,  # 17.0 and later
    "male_masculine": MALE,
    "intersex": OTHER,
    "transgender": OTHER,
    "non-binary": OTHER,
    "do_not_wish_to_say": UNSTATED,
    "": UNSTATED,
}

# The release's own splits, each a table of some of the rows of `validated`, and what they are called here.
OFFICIAL = {"train": "train", "dev": "val", "test": "test"}
SPLIT_NAMES = {"train": "train", "val": "val", "test": "test", **OFFICIAL}  # what people may call them

NEEDED = ("client_id", "path", "sentence", "up_votes", "down_votes", "age", "gender", "locale")
NAMING = ("client_id", "path")  # these identify a row; they come first in every release
ACCENT = ("accents", "accent")  # 8.0 and later; 6.1 and earlier


def read_table(path: Path) -> pd.DataFrame:
    """A release's table, all columns as text, `accent` under that name, genders as FEMALE, MALE, OTHER or UNSTATED.

    There is one row per line. A damaged line, with more or fewer fields than the table has columns, keeps `client_id`
    and `path` if it has them, and everything else is missing. Raises UserError for a file that is not such a table.
    """
    table, excess = read_delimited(path, [*NEEDED, *ACCENT], tab_separated)
    check_columns(path, table, NEEDED)
    accent = [name for name in ACCENT if name in table][:1]
    table = table[[*NEEDED, *accent]].rename(columns=dict.fromkeys(accent, "accent"))
    if not accent:
        table["accent"] = ""
    table["gender"] = table["gender"].map(GENDERS).fillna(UNSTATED)
    return without_damaged(table, excess)


def without_damaged(table: pd.DataFrame, excess: np.ndarray) -> pd.DataFrame:
    """The table, with nothing but NAMING left of the rows where `excess`, as `read_delimited` gives it, is not 0."""
    if excess.any():
        table.loc[excess != 0, table.columns.drop([*NAMING])] = None
    return table


def read_columns(path: Path, names: Sequence[str]) -> pd.DataFrame:
    """These columns of a release's table as text, one row per line. Raises UserError if it is not such a table."""
    table, _ = read_delimited(path, names, tab_separated)
    check_columns(path, table, names)
    return table


def check_columns(path: Path, table: pd.DataFrame, names: Sequence[str]) -> None:
    """Raises UserError naming those of these columns that the table lacks."""
    absent = [name for name in names if name not in table]
    if absent:
        raise UserError(f"{path} lacks the column{'s' * (len(absent) > 1)} {', '.join(absent)}")
