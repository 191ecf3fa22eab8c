"""Rules: which rows of the tables are not worth having. Each takes the settings and the rows that are left, and says
which of them to drop; none depends on the order of the rows in their tables.

Rows have the columns of the table and `corpus`, `table`, `key`, `is_own`, `is_there`, `speaker`, `group`, `decade` (the
number of the age word, -1 if it is unknown) and `order` (see balance.py), and are sorted by key.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.corpus.balance import is_surplus, rarest, turn_within
from pipeline.corpus.names import LONGEST_NAME
from pipeline.params import Filter

LONGEST_KEY = 90  # bytes; with its suffix it must fit into the 100 of a tar header


def damaged(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """It has more or fewer fields than its table has columns: nobody can say which is which (see `read_table`)."""
    return rows["age"].isna()


def claimed(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """Listed more than once, and for different people."""
    twice = rows[rows["key"].duplicated(keep=False) & (rows["client_id"] != "")]
    is_claimed = twice.groupby("key")["speaker"].transform("nunique") > 1
    return is_claimed.reindex(rows.index, fill_value=False)


def duplicate(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """Already listed, in this table, in one that filter.tables names earlier, or in a corpus before."""
    return rows["key"].duplicated()


def unsafe_path(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """Not a plain file name (of own tables, a path that leads down from the table), or hidden, or too long: a table
    must not choose which file is read.
    """
    is_odd = rows["path"].str.contains(r"[\\\x00-\x1f\x7f-\x9f]|^\.|^$", regex=True)
    leads_away = rows["path"].str.contains(r"/", regex=False) & ~rows["is_own"]
    leads_away |= rows["path"].str.contains(r"^/|(?:^|/)\.\.(?:/|$)", regex=True)
    return is_odd | leads_away | (size(rows["path"]) > LONGEST_NAME) | (size(rows["key"]) > LONGEST_KEY)


def missing(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """Listed, but not in the archive or beside the table."""
    return ~rows["is_there"]


def size(texts: pd.Series) -> np.ndarray:
    """The size of each text in bytes. Shape: (rows,)."""
    return pc.binary_length(pa.array(texts)).to_numpy()


def no_speaker(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """Without a client_id nobody can say which split the clip may be in."""
    return rows["client_id"] == ""


def votes(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """Not more up than down votes, if the settings require more."""
    ups, downs = (pd.to_numeric(rows[name], errors="coerce").fillna(0) for name in ("up_votes", "down_votes"))
    is_asked = {"all": True, "unvalidated": rows["table"] != "validated", "none": False}[settings.votes]
    return (ups <= downs) & is_asked


def no_age(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    return rows["age"] == ""


def unknown_age(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """An age word that no release is known to use."""
    return rows["decade"] < 0


def other_age(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """An age outside all groups."""
    return rows["group"].isna()


def other_locale(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    return is_other(rows["locale"], settings.locales)


def other_gender(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    return is_other(rows["gender"], settings.genders)


def other_accent(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    return is_other(rows["accent"], settings.accents)


def is_other(values: pd.Series, wanted: list[str] | None) -> pd.Series:
    """True for values that are not wanted; None: all are."""
    return pd.Series(False, values.index) if wanted is None else ~values.isin(wanted)


def conflict(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """From a speaker whose clips are in different groups, and whose age words are more than one decade apart.

    A birthday between two recordings gives neighbouring decades, and then both labels are right: releases span years,
    and keep the age that was stated when a clip was recorded.
    """
    if settings.conflict == "keep":
        return pd.Series(False, rows.index)
    by_speaker = rows.assign(group=rows["group"].cat.codes).groupby("speaker", observed=True)[["group", "decade"]]
    span = by_speaker.transform("max") - by_speaker.transform("min")
    return (span["group"] > 0) & (span["decade"] > 1)


def repeat(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """The same speaker reading the same sentence again."""
    if settings.repeats == "keep":
        return pd.Series(False, rows.index)
    return rows.duplicated(["speaker", "sentence"])


def talkative(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """More clips than one speaker may have."""
    return turn_within(rows, ["speaker"]) >= settings.clips_per_speaker


def crowded(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """More clips than a locale may have; every speaker's first clip is kept before anyone's second."""
    if settings.clips_per_locale is None:
        return pd.Series(False, rows.index)
    return is_surplus(rows, settings.clips_per_locale, "locale")


def surplus(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """More clips than a group may have; every speaker's first clip is kept before anyone's second."""
    share = rarest(rows["group"]) if settings.balance == "undersample" else len(rows)
    return is_surplus(rows, min(share, settings.clips_per_group or share))


RULES = (
    damaged,
    claimed,
    duplicate,
    unsafe_path,
    no_speaker,
    missing,
    votes,
    no_age,
    unknown_age,
    other_age,
    other_locale,
    other_gender,
    other_accent,
    conflict,
    repeat,
    talkative,
    crowded,
    surplus,
)
