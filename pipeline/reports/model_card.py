"""Model card: what people must know about a model before they use it, as Markdown, from its tables."""

from pathlib import Path

import pandas as pd

from models.config import Config
from pipeline.paths import CARD
from pipeline.reports.markdown import render

SCORES = {
    "macro_recall": "**macro recall**",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "within_one_group": "within one group",
    "mae_years": "mean absolute error (years)",
    "loss": "log loss (nats)",
    "ece": "expected calibration error",
}


def write_card(folder: Path, config: Config, metrics: dict, tables: dict[str, pd.DataFrame], certificate: dict) -> None:
    """Write the card into `folder`, beside the pictures that it shows."""
    page = render(
        "reports/card",
        config=config,
        origin=config.origin,
        metrics=metrics,
        certificate=certificate,
        names=SCORES,
        **{name: table.to_dict("records") for name, table in tables.items()},
    )
    (folder / CARD.name).write_text(page, encoding="utf-8")
