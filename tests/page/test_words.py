"""What the page says of a model: what it has heard, and how often it is right, or that this is not known."""

import re
from types import SimpleNamespace

import pytest

from models.config import read_origin
from page.words import corpus_in_words, label_of, name_of, written
from pipeline.paths import PRETRAINED

DEMO = {"corpus": "cv-corpus-demo-en.tar.gz", "is_synthetic": True, "leaks": False}
PEOPLE = {"corpus": "cv-corpus-6.1-mini.tar.gz", "is_synthetic": False, "leaks": False}
TESTED = {"clips": 2991, "speakers": 1605, "macro_recall": 0.307, "macro_recall_low": 0.285, "macro_recall_high": 0.326}
CONFIG = {"groups": ["young", "old"] * 3, "architecture": "linear", "front_end": SimpleNamespace(name="dvector")}


def said(part: str, split_by: str = "speaker", **facts: object) -> str:
    """What the page says, without its marks; with no facts, of a model that nothing is known of."""
    about = SimpleNamespace(**dict.fromkeys(TESTED) | facts) if facts else None
    origin = SimpleNamespace(split=SimpleNamespace(by=split_by)) if facts else None
    html = written(part, about=about, config=SimpleNamespace(**CONFIG, origin=origin), unsure=0.275, minutes=10)
    return " ".join(re.sub("<.*?>", "", html).replace("&nbsp;", " ").split())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cv-corpus-6.1-mini.tar.gz", "Common Voice 6.1"),
        ("cv-corpus-8.0-2022-01-19-en.tar.gz", "Common Voice 8.0"),
        ("cv-corpus-25.0-2026-03-09", "Common Voice 25.0"),
        ("cv-corpus-demo-en.tar.gz", "cv-corpus-demo-en.tar.gz"),
        ("voices.tar", "voices.tar"),
    ],
)
def test_a_release_is_called_by_its_name(name, words):
    assert corpus_in_words(name) == words


def test_a_model_is_called_by_what_it_learnt_from():
    abouts = [SimpleNamespace(**PEOPLE), SimpleNamespace(**DEMO), None]
    assert [label_of(about) for about in abouts] == [
        "Learnt from people: Common Voice 6.1",
        "The demo: synthetic voices only",
        "What it has learnt from is not known",
    ]
    assert len({name_of(about) for about in abouts}) == 3


def test_of_a_model_that_learnt_from_people_the_page_says_how_often_it_is_right():
    assert said("trust", **PEOPLE, **TESTED) == (
        "This model is more often wrong than right: in a test, right for about 31 in 100 recordings, where guessing "
        "gives 17. It learnt from recordings of people (Common Voice 6.1). Decide nothing about a person by what it "
        "says."
    )
    assert (
        "It has heard people: it was trained on cv-corpus-6.1-mini.tar.gz (Common Voice 6.1). It tells 6 age groups "
        "apart (linear on dvector). It was right for about 31 in 100 test recordings (95 % interval 28 to 33), where "
        "guessing gives 17. This is its macro recall: every group counts the same. The test had 2,991 recordings of "
        "1,605 people, none of them heard in training."
    ) in said("about", **PEOPLE, **TESTED)


def test_a_model_that_learnt_from_everybody_was_not_tested_itself():
    by = read_origin(PRETRAINED).split.by
    assert by == "all clips"
    about = said("about", by, **PEOPLE, **TESTED)
    assert "from some of the people, on the others: 2,991 recordings of 1,605 people." in about
    assert "none of them" not in about


def test_of_one_that_learnt_from_synthetic_voices_it_says_that_this_means_nothing():
    assert "This model was trained on synthetic voices only. What it says about a person means nothing" in said(
        "trust", **DEMO, **TESTED
    )
    about = said("about", **DEMO, **TESTED)
    assert "It has heard synthetic voices only, no people: it was trained on cv-corpus-demo-en.tar.gz." in about
    assert "2,991 recordings of 1,605 synthetic voices, none of them heard in training." in about


@pytest.mark.parametrize(
    ("macro_recall", "words"),
    [(0.49, "more often wrong than right:"), (0.5, "often wrong:"), (0.8, "sometimes wrong:"), (1, "sometimes wrong:")],
)
def test_how_often_a_model_is_wrong_is_said_in_words(macro_recall, words):
    assert said("trust", **PEOPLE, **TESTED | {"macro_recall": macro_recall}).startswith(f"This model is {words} ")


def test_a_model_that_may_be_guessing_is_said_to():
    guessing = "and it is not shown to do better than that"
    assert guessing in said("trust", **PEOPLE, **TESTED | {"macro_recall_low": 0.16})
    assert guessing not in said("trust", **PEOPLE, **TESTED)


def test_speakers_that_were_heard_in_training_are_not_passed_over():
    leaking = said("about", **PEOPLE | {"leaks": True}, **TESTED)
    assert "Some of them were heard in training, so it will do worse with strangers." in leaking
    assert "none of them" not in leaking


@pytest.mark.parametrize("facts", [PEOPLE, DEMO, {}], ids=["people", "synthetic", "nothing"])
def test_where_no_score_is_known_the_page_says_so(facts):
    about = said("about", **facts)
    assert "Its test scores are not known here." in about
    assert ("What it has heard is not known here." in about) == (not facts)
    if facts != DEMO:
        assert said("trust", **facts).startswith("How often this model is right is not known here.")
