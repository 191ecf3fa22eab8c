"""Filter: which clips are worth having? Cleaned, capped, balanced, and every row that goes is counted."""

import hashlib
import json
from pathlib import Path

import pandas as pd

from pipeline.balance import is_surplus, rarest, seeded_order, turn_within
from pipeline.commonvoice import AGES, age_to_group, read_table
from pipeline.params import Filter, load_params
from pipeline.stage import UserError, run_stage, written_whole
from pipeline.tables import TABLES

MANIFEST = Path("data/manifest.parquet")
REPORT = Path("data/filter.json")

COLUMNS = ["key", "path", "speaker", "sentence", "age", "gender", "accent", "locale", "table"]


def read_tables(folder: Path, names: list[str]) -> pd.DataFrame:
    """The rows of these tables, in an order that follows from what they say and not from where they stand."""
    for name in names:
        if not (folder / f"{name}.tsv").is_file():
            there = ", ".join(sorted(path.stem for path in folder.glob("*.tsv")))
            raise UserError(f"filter.tables: the release has no table '{name}': it has {there}")
    rows = pd.concat([read_table(folder / f"{name}.tsv") for name in names], ignore_index=True)
    rows["key"] = key_of(rows["path"])
    rows["table"] = pd.Categorical(rows["table"], names)
    twice = rows["key"].duplicated(keep=False)
    rows = pd.concat([rows[~twice], rows[twice].sort_values(["key", "table", *rows.columns.drop(["key", "table"])])])
    return rows.sort_values("key", kind="stable", ignore_index=True)


def key_of(path: pd.Series) -> pd.Series:
    """The file name without its suffix, dots replaced: WebDataset ends a key at the first dot."""
    return path.str.replace(r"\.[^.]*$", "", regex=True).str.replace(".", "_")


def hashes(values: pd.Series) -> pd.Series:
    """16 hex digits for each distinct text."""
    digests = {text: hashlib.blake2b(text.encode(), digest_size=8).hexdigest() for text in values.unique()}
    return values.map(digests)


# The rules. Each takes the rows that are left and the settings, and says which of them go.


def duplicate(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """Listed before, in this table or in one named earlier."""
    return rows["key"].duplicated()


def unsafe_path(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """No plain file name: nothing is read from where a table points to."""
    return rows["path"].str.contains(r"[/\\\0]|^\.*$", regex=True)


def votes(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """Not more votes up than down, where they are asked for."""
    ups, downs = (pd.to_numeric(rows[name], errors="coerce").fillna(0) for name in ("up_votes", "down_votes"))
    is_asked = {"all": True, "unvalidated": rows["table"] != "validated", "none": False}[settings.votes]
    return (ups <= downs) & is_asked


def no_age(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    return rows["age"] == ""


def unknown_age(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """An age word that no release is known to use."""
    return ~rows["age"].isin(AGES)


def other_age(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """An age outside all groups."""
    return rows["group"].isna()


def conflict(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """Of a speaker whose groups lie more than one step apart.

    Two neighbouring groups are what a birthday between two recordings leaves, and both labels are right.
    """
    if settings.conflict == "keep":
        return pd.Series(False, rows.index)
    step = rows["group"].cat.codes.groupby(rows["speaker"])
    return step.transform("max") - step.transform("min") > 1


def repeat(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """The same speaker reading the same sentence again."""
    if settings.repeats == "keep":
        return pd.Series(False, rows.index)
    return rows.duplicated(["speaker", "sentence"])


def talkative(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """Beyond the clips that one speaker may give."""
    return turn_within(rows, ["speaker"]) >= settings.clips_per_speaker


def surplus(rows: pd.DataFrame, settings: Filter) -> pd.Series:
    """Beyond a group's share."""
    share = rarest(rows["group"]) if settings.balance == "undersample" else len(rows)
    return is_surplus(rows, min(share, settings.clips_per_group or share))


RULES = (duplicate, unsafe_path, votes, no_age, unknown_age, other_age, conflict, repeat, talkative, surplus)


def choose(rows: pd.DataFrame, settings: Filter) -> tuple[pd.DataFrame, dict]:
    """Apply every rule in turn; returns the rows that stay and the account of those that went."""
    rows["group"] = pd.Categorical(rows["age"].map(age_to_group(settings.groups)), list(settings.groups))
    rows["speaker"] = hashes(rows.pop("client_id"))
    rows["sentence"] = hashes(rows["sentence"])
    rows["order"] = seeded_order(rows["key"], settings.seed)
    account = {"rows": len(rows), "by_table": rows["table"].value_counts(sort=False).to_dict(), "rules": {}}
    for rule in RULES:
        goes = rule(rows, settings)
        account["rules"][rule.__name__] = {
            "dropped": int(goes.sum()),
            "dropped_by_group": rows["group"][goes].value_counts(sort=False).to_dict(),
        }
        rows = rows[~goes]
    groups = rows.groupby("group", observed=False)
    account["kept"] = {
        "clips": len(rows),
        "speakers": rows["speaker"].nunique(),
        "clips_by_group": groups.size().to_dict(),
        "speakers_by_group": groups["speaker"].nunique().to_dict(),
    }
    return rows, account


def check(account: dict) -> None:
    """Raises UserError if fewer than two groups are left."""
    left = [group for group, clips in account["kept"]["clips_by_group"].items() if clips]
    if len(left) < 2:
        raise UserError(
            f"of {account['rows']} rows, {account['kept']['clips']} stay, in {len(left)} groups ({', '.join(left)}): "
            f"at least two are needed; {REPORT} says which rule dropped the others"
        )


def describe(account: dict) -> str:
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
    settings = load_params().filter
    rows, account = choose(read_tables(TABLES, settings.tables), settings)
    with written_whole(REPORT) as report:
        report.write_text(json.dumps(account, indent=2) + "\n")
    check(account)
    with written_whole(MANIFEST) as manifest:
        rows[COLUMNS].astype({"table": "str"}).to_parquet(manifest, index=False)
    print(describe(account))


if __name__ == "__main__":
    run_stage(main)
