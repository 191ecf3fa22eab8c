"""Rows: every row of every corpus's tables, in one form."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.corpus import own, spontaneous
from pipeline.corpus.commonvoice import OFFICIAL, read_columns, read_table
from pipeline.corpus.delimited import fields_of, read_delimited
from pipeline.corpus.forms import OWN, RELEASE, SPONTANEOUS, form_of
from pipeline.corpus.names import file_name, name_of
from pipeline.corpus.noted import PRESENT, name_of_corpus
from pipeline.params import Filter
from pipeline.running.output import read_parquet
from pipeline.stage import UserError

COLUMNS = ("client_id", "path", "sentence", "up_votes", "down_votes", "age", "gender", "accent", "locale", "official")


def read_corpora(folders: list[Path], settings: Filter) -> pd.DataFrame:
    """The rows of all corpora in their order: COLUMNS as text, `years` (missing where only a decade is stated),
    `corpus`, `table`, `key`, `is_own`, `is_there` (the clip is in the corpus).

    Raises UserError if no release has one of the tables that are asked for, or for a table that cannot be read.
    """
    forms = {folder: {path: form_of(path) for path in tables_in(folder)} for folder in folders}
    check_tables(forms, settings.tables)
    rows = pd.concat([read_corpus(folder, forms[folder], settings) for folder in folders], ignore_index=True)
    found = rows["table"].unique()
    order = [name for name in settings.tables if name in found] + list(found)
    return rows.assign(
        corpus=pd.Categorical(rows["corpus"], rows["corpus"].unique()),
        table=pd.Categorical(rows["table"], list(dict.fromkeys(order))),
    )


def tables_in(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.tsv"), *folder.glob("*.csv")])


def table_path(folder: Path, name: str) -> Path:
    return folder / file_name(f"{name}.tsv")


def check_tables(forms: dict[Path, dict[Path, str | None]], names: list[str]) -> None:
    """Raises UserError for a table that is asked for and that no release has."""
    held = [name_of(path.stem) for tables in forms.values() if RELEASE in tables.values() for path in tables]
    for name in names if held else ():
        if name not in held:
            raise UserError(f"filter.tables: the release has no table '{name}': it has {', '.join(sorted(set(held)))}")


def read_corpus(folder: Path, forms: dict[Path, str | None], settings: Filter) -> pd.DataFrame:
    """The rows of one corpus: of a release, those of the tables that are asked for; of others, all."""
    name = name_of_corpus(folder)
    is_release = RELEASE in forms.values()
    parts = release_tables(folder, settings.tables) if is_release else other_tables(forms, settings)
    rows = pd.concat(parts, ignore_index=True)
    is_own = OWN in forms.values() and not is_release
    present = pa.array(read_parquet(folder / PRESENT, ["path"])["path"], pa.large_string())
    return rows.assign(
        corpus=name,
        key=own.keys_of(rows["path"], name) if is_own else key_of(rows["path"]),
        client_id=(name + "/" + rows["client_id"]).where(rows["client_id"] != "", "") if is_own else rows["client_id"],
        is_own=is_own,
        is_there=pc.is_in(pa.array(rows["path"], pa.large_string()), present).to_numpy(zero_copy_only=False),
    )


def release_tables(folder: Path, names: list[str]) -> Iterator[pd.DataFrame]:
    official = official_splits(folder)
    for name in names:
        if (path := table_path(folder, name)).is_file():
            rows = read_table(path)
            yield rows.assign(
                table=name, official=rows["path"].map(official).astype("str").fillna(""), years=float("nan")
            )


def other_tables(forms: dict[Path, str | None], settings: Filter) -> Iterator[pd.DataFrame]:
    for path, form in forms.items():
        if form == OWN:
            yield own.read_table(path, settings.speaker == "path").assign(table=name_of(path.stem))
        elif form == SPONTANEOUS:
            yield spontaneous.read_table(path).assign(table=name_of(path.stem), years=float("nan"))


def paths_in(path: Path) -> pd.Series:
    """What each row of a table names, in order."""
    column = "audio_file" if form_of(path) == SPONTANEOUS else "path"
    return read_delimited(path, [column], fields_of(path))[0][column]


def key_of(path: pd.Series) -> pd.Series:
    """The file name without its suffix and with dots replaced: WebDataset ends a key at the first dot."""
    return path.str.replace(r"\.[^.]*$", "", regex=True).str.replace(".", "_", regex=False)


def official_splits(folder: Path) -> pd.Series:
    """The release's own split of each path that has one; for a path in several, their names, joined."""
    tables = [
        pd.Series(split, read_columns(table_path(folder, name), ["path"])["path"])
        for name, split in OFFICIAL.items()
        if table_path(folder, name).is_file()
    ]
    splits = pd.concat(tables) if tables else pd.Series(dtype="str")
    is_twice = splits.index.duplicated(keep=False)
    joined = splits[is_twice].groupby(level=0).agg(lambda names: "+".join(dict.fromkeys(names)))
    return pd.concat([splits[~is_twice], joined])
