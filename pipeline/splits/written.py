"""Written: the split as its stage wrote it, for the stages that train and evaluate."""

import pandas as pd

from pipeline.paths import SPLIT, SPLIT_REPORT
from pipeline.running.output import read_json, read_parquet
from pipeline.stage import UserError, fingerprint

OF_MANIFEST = [
    "age",
    "gender",
    "accent",
    "locale",
    "corpus",
    "years",
    "is_exact",
]  # what evaluation needs of a clip, besides its group
OF_INDEX = ["seconds", "frames", "sample_rate", "loudness"]
SPLIT_COLUMNS = ["key", "speaker", "group", "split", "left_out", *OF_MANIFEST, *OF_INDEX]


def read_split() -> pd.DataFrame:
    """What the stage wrote. Raises UserError unless it is complete and SPLIT_REPORT describes it."""
    rows = read_parquet(SPLIT, SPLIT_COLUMNS)
    if read_json(SPLIT_REPORT, str, "fingerprint") != fingerprint(SPLIT):
        raise UserError(f"{SPLIT_REPORT} does not describe {SPLIT}: dvc repro split makes both")
    return rows
