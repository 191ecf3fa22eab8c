"""Filter: which clips are worth having? Cleans, caps and balances them, and counts every row that it drops."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from features.running.durable import written_whole
from pipeline.corpus.ages import AGES, age_to_group
from pipeline.corpus.balance import seeded_order
from pipeline.corpus.commonvoice import OFFICIAL, read_columns, read_table
from pipeline.corpus.hashes import hashes
from pipeline.corpus.names import file_name
from pipeline.corpus.pyramid import draw_pyramid
from pipeline.corpus.rules import RULES
from pipeline.params import Filter, load_params
from pipeline.paths import FILTER_REPORT, MANIFEST, NOTE, PYRAMID, ROWS, TABLES
from pipeline.running.output import read_json
from pipeline.stage import UserError, run_stage

KEPT = "kept"
MANIFEST_COLUMNS = ["key", "path", "speaker", "sentence", "age", "gender", "accent", "locale", "table", "official"]


def read_tables(folder: Path, names: list[str]) -> pd.DataFrame:
    """The rows of these tables in their order, with `table` and `key` added."""
    for name in names:
        if not table_path(folder, name).is_file():
            there = ", ".join(sorted(path.stem for path in folder.glob("*.tsv")))
            raise UserError(f"filter.tables: the release has no table '{name}': it has {there}")
    tables = [read_table(table_path(folder, name)).assign(table=name) for name in names]
    rows = pd.concat(tables, ignore_index=True)
    return rows.assign(key=key_of(rows["path"]), table=pd.Categorical(rows["table"], names))


def table_path(folder: Path, name: str) -> Path:
    return folder / file_name(f"{name}.tsv")


def key_of(path: pd.Series) -> pd.Series:
    """The file name without its suffix and with dots replaced: WebDataset ends a key at the first dot."""
    return path.str.replace(r"\.[^.]*$", "", regex=True).str.replace(".", "_", regex=False)


def prepare(rows: pd.DataFrame, settings: Filter) -> pd.DataFrame:
    """Add the columns that the rules look at, and sort by key; rows with the same key are sorted by their contents."""
    rows = rows.assign(
        speaker=hashes(rows["client_id"]),
        group=pd.Categorical(rows["age"].map(age_to_group(settings.groups)), list(settings.groups)),
        decade=rows["age"].map({age: number for number, age in enumerate(AGES)}).fillna(-1).astype("int8"),
        order=seeded_order(rows["key"], settings.seed),
    )
    is_twice = rows["key"].duplicated(keep=False)
    first = ["key", "table"]
    twice = rows[is_twice].sort_values([*first, *rows.columns.drop([*first, "speaker", "group", "decade", "order"])])
    return pd.concat([rows[~is_twice], twice]).sort_values("key", kind="stable")


def apply_rules(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """What happens to each row: the name of the one rule that dropped it, or `kept`. Takes what `prepare` returns."""
    names = [KEPT, *(rule.__name__ for rule in RULES)]
    outcome = pd.Series(np.zeros(len(rows), "int8"), rows.index)
    for number, rule in enumerate(RULES, start=1):
        goes = rule(rows, settings)
        outcome[rows.index[goes]] = number
        rows = rows[~goes]
    return pd.Series(pd.Categorical.from_codes(outcome, names), outcome.index)


def count(rows: pd.DataFrame) -> dict:
    """The account of all rows by `outcome`: what each rule dropped, and what is left."""
    tally = pd.crosstab(rows["outcome"], rows["group"], dropna=False).reindex(columns=rows["group"].cat.categories)
    dropped = rows["outcome"].value_counts(sort=False).drop(KEPT)
    kept = rows[rows["outcome"] == KEPT]
    return {
        "rows": len(rows),
        "by_table": rows["table"].value_counts(sort=False).to_dict(),
        "rules": {
            rule: {"dropped": number, "dropped_by_group": tally.loc[rule].to_dict() if rule in tally.index else {}}
            for rule, number in dropped.items()
        },
        "kept": {
            "clips": len(kept),
            "speakers": kept["speaker"].nunique(),
            "clips_by_group": kept["group"].value_counts(sort=False).to_dict(),
            "speakers_by_group": kept.groupby("group", observed=False)["speaker"].nunique().to_dict(),
        },
    }


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


def manifest_of(rows: pd.DataFrame, official: pd.Series) -> pd.DataFrame:
    """The kept rows, with the columns that other stages need, sorted by key."""
    kept = rows[rows["outcome"] == KEPT]
    kept = kept.assign(sentence=hashes(kept["sentence"]), official=kept["path"].map(official).astype("str").fillna(""))
    return kept[MANIFEST_COLUMNS].astype("str").reset_index(drop=True)


def check_groups_left(account: dict) -> None:
    """Raises UserError if fewer than two groups are left."""
    left = [group for group, clips in account["kept"]["clips_by_group"].items() if clips]
    if len(left) < 2:
        raise UserError(
            f"{account['kept']['clips']} of {account['rows']} rows are left, in {len(left)} groups "
            f"({', '.join(left)}): at least two are needed; {FILTER_REPORT} says which rule dropped the others"
        )


def check_rows(written: Path, folder: Path) -> None:
    """Raises RuntimeError unless the written rows are those of the tables, one for one and in order."""
    rows = pd.read_parquet(written)
    for name, those in rows.groupby("table", sort=False, observed=True):
        paths = read_columns(table_path(folder, name), ["path"])["path"]
        if not np.array_equal(paths.to_numpy(), those["path"].to_numpy()) or those["outcome"].isna().any():
            raise RuntimeError(f"{written} does not account for every row of {name}.tsv")


def describe_choice(account: dict) -> str:
    dropped = [f"{name} {rule['dropped']:,}" for name, rule in account["rules"].items() if rule["dropped"]]
    kept = account["kept"]
    lines = [f"filter: {account['rows']:,} rows; dropped: {', '.join(dropped) or 'none'}"]
    lines += [f"{'group':>12} {'clips':>9} {'speakers':>9}"]
    lines += [
        f"{group:>12} {clips:>9,} {kept['speakers_by_group'][group]:>9,}"
        for group, clips in kept["clips_by_group"].items()
    ]
    return "\n".join([*lines, f"{'all':>12} {kept['clips']:>9,} {kept['speakers']:>9,}"])


def main() -> None:
    settings, corpus = load_params().filter, read_json(NOTE, dict, "corpus")
    rows = prepare(read_tables(TABLES, settings.tables), settings)
    rows["outcome"] = apply_rules(rows, settings)
    account = count(rows)
    with written_whole(FILTER_REPORT) as report:
        report.write_text(json.dumps({"corpus": corpus} | account, indent=2) + "\n", encoding="utf-8")
    check_groups_left(account)
    with written_whole(ROWS) as written:
        rows[["table", "path", "outcome"]].sort_index().to_parquet(written, index=False)
        check_rows(written, TABLES)
    with written_whole(MANIFEST) as manifest:
        manifest_of(rows, official_splits(TABLES)).to_parquet(manifest, index=False)
    with written_whole(PYRAMID) as picture:
        labelled = rows[rows["group"].notna() & (rows["outcome"] != "duplicate")]
        draw_pyramid({"In the tables": labelled, "Kept": rows[rows["outcome"] == KEPT]}, picture)
    print(describe_choice(account))


if __name__ == "__main__":
    run_stage(main)
