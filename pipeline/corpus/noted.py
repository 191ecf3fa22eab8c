"""Noted: where the tables of each corpus are, and what is noted beside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.paths import TABLES
from pipeline.running.output import read_json
from pipeline.stage import UserError

NOTE = "corpus.json"
PRESENT = "clips.parquet"  # the names of the clips that are there
SYNTHETIC = "synthetic"  # in the column `segment` of the demo; no release has it


def noted(tables: Path = TABLES) -> list[Path]:
    """The folders with the tables of each corpus, in order. Raises UserError if there is none."""
    folders = sorted(path.parent for path in tables.glob(f"*/{NOTE}"))
    if not folders:
        raise UserError(f"there is no {tables}/*/{NOTE}: dvc repro makes it")
    return folders


def name_of_corpus(tables: Path) -> str:
    """What the corpus is called whose tables are in this folder."""
    return read_json(tables / NOTE, dict, "corpus")["name"]


def facts_of(folders: Sequence[Path]) -> dict[str, Any]:
    """What the notes say of all corpora together."""
    facts = [read_json(folder / NOTE, dict, "corpus") for folder in folders]
    rows = pd.DataFrame([each["rows"] for each in facts]).sum().astype(int).to_dict()
    return {
        "name": ", ".join(each["name"] for each in facts),
        "is_synthetic": any(each["is_synthetic"] for each in facts),
        "rows": rows,
        "licences": {each["name"]: each["licence"] for each in facts if each.get("licence")},
    }
