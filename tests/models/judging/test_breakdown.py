import numpy as np
import pandas as pd
import pytest

from models.judging.bootstrap import SpeakerBootstrap
from models.judging.breakdown import OTHERS, breakdown
from models.judging.judged import Judged

GROUPS = ["young", "middle", "old"]


def people(right_of, facet, count=240):
    """Clips of `count` speakers, one each; `right_of(number)` is how likely their group is judged right."""
    random = np.random.default_rng(0)
    numbers = np.arange(count)
    true = numbers % 3
    is_right = random.random(count) < np.array([right_of(number) for number in numbers])
    given = np.where(is_right, true, (true + 1) % 3)
    judged = Judged(np.eye(3)[given], true, np.zeros(count), numbers)
    facets = pd.DataFrame({"group": pd.Categorical.from_codes(true, GROUPS), "facet": [facet(n) for n in numbers]})
    return breakdown(judged, facets, SpeakerBootstrap(numbers)).set_index(["facet", "value"])


def test_a_planted_gap_is_marked_on_both_sides():
    table = people(lambda n: 0.9 if n < 120 else 0.5, lambda n: "near" if n < 120 else "far")
    assert table.loc[("facet", "near"), "mark"] == "above"
    assert table.loc[("facet", "far"), "mark"] == "below"
    assert table.loc[("facet", "far"), "gap"] == pytest.approx(-0.4, abs=0.15)


def test_equals_are_not_marked():
    table = people(lambda n: 0.7, lambda n: "near" if n < 120 else "far")
    assert (table["mark"] == "").all()


def test_like_is_compared_with_like():
    """The young are judged better; a value with more of them does not score better for it."""
    table = people(lambda n: 1.0 if n % 3 == 0 else 0.0, lambda n: "far" if n % 3 and n % 2 else "near")
    assert table.loc[("facet", "near"), "macro_recall"] > table.loc[("facet", "far"), "macro_recall"]
    assert table.loc[("facet", "near"), "gap"] == 0
    assert table.loc[("group", "young"), "gap"] == 1
    assert table.loc[("group", "young"), "mark"] == "above"


def test_values_with_few_speakers_are_merged_and_never_marked():
    table = people(lambda n: 0.0 if n < 8 else 1.0, lambda n: f"few{n}" if n < 8 else "many")
    assert table.loc["facet"].index.tolist() == ["many", OTHERS]
    assert table.loc[("facet", OTHERS), "speakers"] == 8
    assert table.loc[("facet", OTHERS), "mark"] == ""
    assert np.isnan(table.loc[("facet", OTHERS), "gap"])


def test_a_facet_of_one_value_and_groups_in_order():
    table = people(lambda n: 0.7, lambda n: "one")
    assert table.index.tolist() == [("group", group) for group in GROUPS]
