import numpy as np
import pandas as pd
import pytest

from pipeline.corpus.ages import AGES, OLDEST, age_word, group_by_year, groups_of


@pytest.mark.parametrize(
    ("years", "word"),
    [(10, "teens"), (19.9, "teens"), (20, "twenties"), (45, "fourties"), (99, "nineties"), (104, "nineties")],
)
def test_the_word_of_an_age(years, word):
    assert age_word(years) == word


@pytest.mark.parametrize("years", [0, -1, 230, OLDEST + 1])
def test_an_impossible_age_has_no_word(years):
    assert age_word(years) not in AGES


def rows_of(*ages: tuple[str, float | None]) -> pd.DataFrame:
    """Rows with an age word, and years where they are stated."""
    return pd.DataFrame(
        {
            "age": [word for word, _ in ages],
            "years": [np.nan if years is None else years for _, years in ages],
            "is_exact": [years is not None for _, years in ages],
        }
    )


def test_bins_take_exact_ages_and_whole_decades_only():
    groups = {"young": ["18-29"], "middle": ["30-49"], "old": ["50-120"]}
    rows = rows_of(
        *(("teens", None), ("teens", 18), ("teens", 17), ("twenties", None), ("thirties", 39.5), ("fourties", None)),
        *(("nineties", None), ("nineties", 93), ("", None), ("child", 5)),
    )
    found = groups_of(rows, groups).astype("str").fillna("")
    expected = ["", "young", "", "young", "middle", "middle", "old", "old", "", ""]
    assert list(found) == expected


def test_words_and_bins_may_stand_side_by_side():
    groups = {"young": ["teens", "20-24"], "old": ["25-29", "thirties"]}
    found = groups_of(rows_of(("twenties", None), ("twenties", 22), ("twenties", 25), ("teens", None)), groups)
    assert list(found.astype("str").fillna("")) == ["", "young", "old", "young"]


@pytest.mark.parametrize("member", ["18", "0-9", "30-20", "20-121", "twens", "-5-10"])
def test_what_is_not_an_age_is_named(member):
    with pytest.raises(ValueError, match="is not an age"):
        group_by_year({"a": [member], "b": ["fifties"]})


def test_an_age_in_two_groups_is_named():
    with pytest.raises(ValueError, match="twenties is in more than one group"):
        group_by_year({"a": ["18-20"], "b": ["twenties"]})
