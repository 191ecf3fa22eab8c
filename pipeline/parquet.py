"""Parquet: reading the tables that one stage hands on to the next."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.stage import UserError


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table, or some of its columns. Raises UserError for a damaged one, FileNotFoundError if there is none."""
    try:
        return pd.read_parquet(path, columns=columns and list(columns))
    except FileNotFoundError:
        raise
    except Exception as error:  # of damaged metadata, pandas raises whatever comes of it
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{path} is damaged: {why}") from error
