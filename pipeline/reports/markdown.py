"""Markdown: pages from the templates in pipeline/, and how numbers and names look in them."""

from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Environment(  # noqa: S701 - Markdown, from numbers and from labels that `cell` makes harmless
    loader=FileSystemLoader(Path(__file__).parents[1]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def render(template: str, **facts: Any) -> str:
    """The page that pipeline/`template`.md.jinja makes from these facts."""
    return TEMPLATES.get_template(f"{template}.md.jinja").render(**facts)


def cell(text: str) -> str:
    """Text that is harmless in a cell of a Markdown table."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#!" else sign for sign in " ".join(str(text).split()))


def count(value: float) -> str:
    return f"{value:,.0f}"


def number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 5 else f"{value:.3f}"


def signed(value: float) -> str:
    return "" if pd.isna(value) else f"{value:+.3f}".replace("-", "−")


def between(row: dict) -> str:
    return "" if pd.isna(row["low"]) else f"{number(row['low'])} to {number(row['high'])}"


def difference(row: dict, prefix: str = "") -> str:
    """The interval of a difference, whose ends are `PREFIXlow` and `PREFIXhigh`."""
    low, high = row[f"{prefix}low"], row[f"{prefix}high"]
    return "" if pd.isna(low) else f"{signed(low)} to {signed(high)}"


TEMPLATES.filters |= {filter.__name__: filter for filter in (cell, count, number, signed, between, difference)}
