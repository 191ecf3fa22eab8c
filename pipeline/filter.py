"""Filter: which clips are worth having? Cleans, caps and balances them, and counts every row that it drops."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from features.running.durable import written_whole
from pipeline.corpus.ages import AGES, CHILD, YEARS, groups_of
from pipeline.corpus.balance import seeded_order
from pipeline.corpus.commonvoice import UNSTATED
from pipeline.corpus.delimited import header_of
from pipeline.corpus.forms import OWN, form_of
from pipeline.corpus.hashes import hashes
from pipeline.corpus.names import name_of
from pipeline.corpus.noted import facts_of, name_of_corpus, noted
from pipeline.corpus.own import COLUMNS
from pipeline.corpus.pyramid import draw_pyramid
from pipeline.corpus.rows import paths_in, read_corpora, tables_in
from pipeline.corpus.rules import RULES
from pipeline.params import Filter, load_params
from pipeline.paths import FILTER_REPORT, MANIFEST, PYRAMID, ROWS
from pipeline.running.terminal import printable
from pipeline.stage import UserError, run_stage

KEPT = "kept"
MANIFEST_COLUMNS = ["key", "path", "speaker", "sentence", "age", "gender", "accent", "locale", "table", "official"]
MANIFEST_COLUMNS += ["corpus"]
NUMBERS = ["years", "is_exact"]
BLANK = {"age": "", "gender": UNSTATED}  # what a speaker's other clips may tell, and what stands where it lacks


def filled(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, with a speaker's missing age or gender taken from their other clips where those agree."""
    for name, blank in BLANK.items():
        stated = rows[(rows[name] != blank) & rows[name].notna() & (rows["client_id"] != "")]
        said = stated.groupby("client_id")[name].agg(["first", "nunique"])
        agreed = said["first"][said["nunique"] == 1]
        lacks = (rows[name] == blank) & rows["client_id"].isin(agreed.index)
        rows = rows.assign(**{name: rows[name].where(~lacks, rows["client_id"].map(agreed))})
    return rows


def names_no_speakers(rows: pd.DataFrame) -> bool:
    """Whether every clip of an own table was taken for another person."""
    own = rows[rows["is_own"]]
    return bool((own["client_id"] == own["corpus"].astype("str") + "/" + own["path"]).any())


def ignored_columns(folders: list[Path]) -> dict[str, list[str]]:
    """The columns of own tables that are not looked at, by corpus."""
    tables = {name_of_corpus(each): tables_in(each) for each in folders}
    own = {name: path for name, paths in tables.items() for path in paths if form_of(path) == OWN}
    unknown = {name: [column for column in header_of(path) if column not in COLUMNS] for name, path in own.items()}
    return {name: columns for name, columns in unknown.items() if columns}


def filled_counts(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, int]:
    return {name: int((before[name] != after[name]).sum()) for name in BLANK}


def prepare(rows: pd.DataFrame, settings: Filter) -> pd.DataFrame:
    """Add the columns that the rules look at, and sort by key; rows with the same key are sorted by their contents."""
    rows = rows.assign(
        speaker=hashes(rows["client_id"]),
        years=rows["years"].fillna(rows["age"].map(YEARS)),
        is_exact=rows["years"].notna(),
        decade=rows["age"].map({age: number for number, age in enumerate((CHILD, *AGES))}).fillna(-1).astype("int8"),
        order=seeded_order(rows["key"], settings.seed),
    )
    rows["group"] = groups_of(rows, settings.groups)
    is_twice = rows["key"].duplicated(keep=False)
    first = ["key", "corpus", "table"]
    made = ["speaker", "group", "decade", "order", "is_own", "is_there", "is_exact", "years"]
    twice = rows[is_twice].sort_values([*first, *rows.columns.drop([*first, *made])])
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
        "by_corpus": {
            corpus: {"rows": len(part), "kept": int((part["outcome"] == KEPT).sum())}
            for corpus, part in rows.groupby("corpus", observed=False)
        },
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


def manifest_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The kept rows, with the columns that other stages need, sorted by key."""
    kept = rows[rows["outcome"] == KEPT]
    texts = kept.assign(sentence=hashes(kept["sentence"]))[MANIFEST_COLUMNS].astype("str")
    return texts.join(kept[NUMBERS]).reset_index(drop=True)


def check_groups_left(account: dict) -> None:
    """Raises UserError if fewer than two groups are left."""
    left = [group for group, clips in account["kept"]["clips_by_group"].items() if clips]
    if len(left) < 2:
        raise UserError(
            f"{account['kept']['clips']} of {account['rows']} rows are left, in {len(left)} groups "
            f"({', '.join(left)}): at least two are needed; {FILTER_REPORT} says which rule dropped the others"
        )


def check_rows(written: Path, folders: list[Path]) -> None:
    """Raises RuntimeError unless the written rows are those of the tables, one for one and in order."""
    rows = pd.read_parquet(written)
    for (corpus, name), those in rows.groupby(["corpus", "table"], sort=False, observed=True):
        folder = next(each for each in folders if name_of_corpus(each) == corpus)
        paths = paths_in(next(path for path in tables_in(folder) if name_of(path.stem) == name))
        if not np.array_equal(paths.to_numpy(), those["path"].to_numpy()) or those["outcome"].isna().any():
            raise RuntimeError(f"{written} does not account for every row of {name} of {corpus}")


def describe_choice(account: dict) -> str:
    dropped = [f"{name} {rule['dropped']:,}" for name, rule in account["rules"].items() if rule["dropped"]]
    kept = account["kept"]
    lines = [f"filter: {account['rows']:,} rows; dropped: {', '.join(dropped) or 'none'}"]
    if len(account["by_corpus"]) > 1:
        lines += [
            f"{part['rows']:>12,} rows of {name}, {part['kept']:,} kept" for name, part in account["by_corpus"].items()
        ]
    lines += [f"{'group':>12} {'clips':>9} {'speakers':>9}"]
    lines += [
        f"{group:>12} {clips:>9,} {kept['speakers_by_group'][group]:>9,}"
        for group, clips in kept["clips_by_group"].items()
    ]
    return "\n".join([*lines, f"{'all':>12} {kept['clips']:>9,} {kept['speakers']:>9,}"])


def main() -> None:
    settings, folders = load_params().filter, noted()
    listed = read_corpora(folders, settings)
    rows = filled(listed) if settings.fill else listed
    rows = prepare(rows, settings)
    rows["outcome"] = apply_rules(rows, settings)
    account = {"corpus": facts_of(folders) | {"each_clip_another": names_no_speakers(listed)}} | count(rows)
    if settings.fill:
        account["filled"] = filled_counts(listed, rows.sort_index())
    with written_whole(FILTER_REPORT) as report:
        report.write_text(json.dumps(account, indent=2) + "\n", encoding="utf-8")
    check_groups_left(account)
    with written_whole(ROWS) as written:
        rows[["corpus", "table", "path", "outcome"]].sort_index().to_parquet(written, index=False)
        check_rows(written, folders)
    with written_whole(MANIFEST) as manifest:
        manifest_of(rows).to_parquet(manifest, index=False)
    with written_whole(PYRAMID) as picture:
        labelled = rows[rows["group"].notna() & (rows["outcome"] != "duplicate")]
        draw_pyramid({"In the tables": labelled, "Kept": rows[rows["outcome"] == KEPT]}, picture)
    for name, columns in ignored_columns(folders).items():
        print(f"filter: {printable(name)}: ignored the columns {printable(', '.join(columns))}")
    print(describe_choice(account))


if __name__ == "__main__":
    run_stage(main)
