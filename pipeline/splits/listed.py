"""Listed: splits that somebody else has made, the release's own or a user's file."""

from pathlib import Path

import pandas as pd

from pipeline.corpus.commonvoice import SPLIT_NAMES
from pipeline.corpus.delimited import comma_separated, read_delimited
from pipeline.corpus.hashes import hashes
from pipeline.corpus.names import file_name
from pipeline.stage import UserError


def official_split(rows: pd.DataFrame) -> pd.Series:
    """The release's own split of each row; missing where it has none. Raises UserError if none has."""
    listed = rows["official"].where(rows["official"] != "")
    if listed.isna().all():
        raise UserError("split.by is official, but no chosen clip is in the release's train, dev or test table")
    torn = int((~listed.dropna().isin(SPLIT_NAMES.values())).sum())
    if torn:
        raise UserError(f"split.by is official, but {torn} clips are in two of the release's own splits")
    check_speakers(rows, listed, "official")
    return listed


def listed_split(rows: pd.DataFrame, path: Path) -> pd.Series:
    """The split of each row by a CSV file with columns `split` (train, val or dev, test) and `speaker` or `path`.

    A speaker is named by client_id or by the 16 hex digits of the manifest, a path as in the tables. Rows that the
    file does not name are missing. Raises UserError if it is not such a table, or puts a speaker in two splits.
    """
    table = read_own_split(path)
    column = "speaker" if "speaker" in table else "path"
    if column == "speaker":
        is_hash = table["speaker"].str.fullmatch("[0-9a-f]{16}")
        table["speaker"] = table["speaker"].where(is_hash, hashes(table["speaker"]).astype("str"))
    split = table["split"].map(SPLIT_NAMES)
    if split.isna().any():
        raise UserError(
            f"{path}: split is '{table['split'][split.isna()].iloc[0]}': allowed are {', '.join(SPLIT_NAMES)}"
        )
    table = table.assign(split=split).drop_duplicates([column, "split"])
    torn = int(table[column].duplicated().sum())
    if torn:
        raise UserError(f"{path} puts {torn} {column}s in two splits")
    listed = rows[column].map(table.set_index(column)["split"])
    if listed.isna().all():
        raise UserError(f"{path} names no {column} that is in the manifest")
    check_speakers(rows, listed, str(path))
    return listed


def read_own_split(path: Path) -> pd.DataFrame:
    path = Path(file_name(str(path)))
    if not path.is_file():
        raise UserError(f"split.by is {path}: there is no such file")
    table, excess = read_delimited(path, ["split", "speaker", "path"], comma_separated)
    if "split" not in table or not {"speaker", "path"} & set(table):
        raise UserError(f"{path} lacks a column: it needs split, and speaker or path")
    if excess.any():
        row = (excess != 0).argmax()
        raise UserError(f"{path}: row {row + 1} has a comma too {'many' if excess[row] > 0 else 'few'}")
    return table


def check_speakers(rows: pd.DataFrame, listed: pd.Series, source: str) -> None:
    """Raises UserError if a speaker has clips in two splits, saying how many do."""
    splits = listed.groupby(rows["speaker"]).nunique()
    torn = int((splits > 1).sum())
    if torn:
        raise UserError(f"split.by is {source}: {torn} speakers have clips in two splits")
