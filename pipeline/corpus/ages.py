"""Ages: Common Voice's words for them, what they mean in years, and which group each belongs to."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

# In order; each is a decade of life. `fourties` is the corpus' own spelling.
AGES = ("teens", "twenties", "thirties", "fourties", "fifties", "sixties", "seventies", "eighties", "nineties")
YEARS = {word: 15.0 + 10 * decade for decade, word in enumerate(AGES)}  # the middle of each decade
OLDEST = 120  # years; a higher age is taken for a mistake
SPANS = {word: (10 * decade + 10, 10 * decade + 19) for decade, word in enumerate(AGES)} | {"nineties": (90, OLDEST)}
CHILD = "child"  # the word for ages below the teens; only own tables have it
BIN = r"(\d{1,3})-(\d{1,3})"  # of years, both included


def age_word(years: float) -> str:
    """The word for an age in years; for one that cannot be right, the number."""
    if not 0 < years <= OLDEST:
        return f"{years:g}"
    return next((word for word, (first, last) in SPANS.items() if first <= int(years) <= last), CHILD)


def span_of(member: str) -> tuple[int, int]:
    """The first and the last age of a word, or of a bin such as 18-25. Raises ValueError for anything else."""
    if member in SPANS:
        return SPANS[member]
    if not (parts := re.fullmatch(BIN, member)) or not 0 < int(parts[1]) <= int(parts[2]) <= OLDEST:
        raise ValueError(f"{member} is not an age: allowed are {', '.join(AGES)} and years, as in 18-25")
    return int(parts[1]), int(parts[2])


def group_by_year(groups: dict[str, Iterable[str]]) -> np.ndarray:
    """The number of the group that each age in years is in, -1 for none. Shape: (OLDEST + 1,).

    Raises ValueError for an age that is in more than one group.
    """
    of_year = np.full(OLDEST + 1, -1)
    for number, members in enumerate(groups.values()):
        for member in members:
            first, last = span_of(member)
            if (of_year[first : last + 1] >= 0).any():
                raise ValueError(f"{member} is in more than one group, or twice in one")
            of_year[first : last + 1] = number
    return of_year


def groups_of(rows: pd.DataFrame, groups: dict[str, Iterable[str]]) -> pd.Series:
    """The group of each row by its age: of `years` where it `is_exact`; else of its word `age`, if the whole decade is
    in one group. Missing for an age in no group. Ordered and categorical.
    """
    of_year = group_by_year(groups)
    of_word = {
        word: of_year[first] for word, (first, last) in SPANS.items() if len(set(of_year[first : last + 1])) == 1
    }
    numbers = rows["age"].map(of_word).fillna(-1).astype("int64").to_numpy()
    exact = rows["is_exact"].to_numpy(bool) & rows["years"].between(0, OLDEST).to_numpy()
    numbers = np.where(exact, of_year[np.where(exact, rows["years"], 0).astype(int)], numbers)
    return pd.Series(pd.Categorical.from_codes(numbers, list(groups), ordered=True), rows.index)
