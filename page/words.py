"""Words: what the page says, from its templates, and what it calls a corpus and a model."""

import re
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).parent
RELEASE = re.compile(r"cv-corpus-(\d+\.\d+)")


class Facts(Protocol):
    """What is known about a model, as far as it is needed here."""

    corpus: str
    is_synthetic: bool


def corpus_in_words(name: str) -> str:
    """The release that an archive or a folder is of, if its name says so; else the name itself."""
    release = RELEASE.match(name)
    return f"Common Voice {release[1]}" if release else name


def label_of(about: Facts | None) -> str:
    """What a model is called where one is chosen, by the facts known about it."""
    if about is None:
        return "What it has learnt from is not known"
    if about.is_synthetic:
        return "The demo: synthetic voices only"
    return f"Learnt from people: {corpus_in_words(about.corpus)}"


def name_of(about: Facts | None) -> str:
    """The same, within a sentence."""
    if about is None:
        return "a model that nothing is known of"
    return "the demo" if about.is_synthetic else "the model that learnt from people"


def in_100(share: float) -> str:
    return f"{100 * share:.0f}"


def written(template: str, **facts: Any) -> str:
    return WRITER.get_template(f"{template}.html.jinja").render(facts)


WRITER = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)
WRITER.filters |= {"in_words": corpus_in_words, "in_100": in_100}
