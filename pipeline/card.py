"""Card: what a person must know of a model before they use it, as Markdown, from its tables."""

from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.config import Config
from pipeline.paths import EVALUATION
from pipeline.stage import run_stage

CARD = "README.md"

SCORES = {
    "macro_recall": "**macro recall**",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "within_one_group": "within one group",
    "mae_years": "mean absolute error (years)",
    "loss": "log loss (nats)",
    "ece": "expected calibration error",
}
WRITER = Environment(  # noqa: S701 - Markdown, from numbers and from labels that `cell` makes harmless
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def write_card(folder: Path, config: Config, metrics: dict, tables: dict[str, pd.DataFrame], certificate: dict) -> None:
    """Write CARD, which shows the pictures in `folder`."""
    page = WRITER.get_template("card.md.jinja").render(
        config=config,
        origin=config.origin,
        metrics=metrics,
        certificate=certificate,
        names=SCORES,
        **{name: table.to_dict("records") for name, table in tables.items()},
    )
    (folder / CARD).write_text(page, encoding="utf-8")


def cell(text: str) -> str:
    """Text that can do no harm in a cell of a Markdown table."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#!" else sign for sign in " ".join(str(text).split()))


def between(row: dict) -> str:
    return "" if pd.isna(row["low"]) else f"{number(row['low'])} to {number(row['high'])}"


def number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 5 else f"{value:.3f}"


def signed(value: float) -> str:
    return "" if pd.isna(value) else f"{value:+.3f}".replace("-", "−")


def difference(row: dict, name: str) -> str:
    """The interval of a difference."""
    return "" if pd.isna(row[f"{name}_low"]) else f"{signed(row[f'{name}_low'])} to {signed(row[f'{name}_high'])}"


WRITER.filters |= {filter.__name__: filter for filter in (cell, between, number, signed, difference)}


def main() -> None:
    """Print what the card says first, and its scores."""
    if not (EVALUATION / CARD).is_file():
        print(f"card: {EVALUATION} is not here, nor has a change asked for it: make pull")
        return
    text = (EVALUATION / CARD).read_text(encoding="utf-8")
    head, scores = (
        text.split("\n## What was trained")[0],
        text.split("\n## Scores\n")[1].split("\nA speaker's group")[0],
    )
    print(f"{head.strip()}\n{scores}\nThe whole card: {EVALUATION / CARD}")


if __name__ == "__main__":
    run_stage(main)
