"""Certificate: what a split promises, proved from the files alone."""

from pathlib import Path

import pandas as pd

from pipeline.params import Split
from pipeline.stage import UserError

LEAKS = "Clips of the same speakers stand in train and in test: the scores tell how well voices are recognised again."


def certify(rows: Path, manifest: Path, index: Path, rejects: Path, split: Path, settings: Split) -> dict:
    """The account of every row of the tables, and the claims that it has to bear out."""
    outcomes = pd.read_parquet(rows)
    chosen = pd.read_parquet(manifest, columns=["key", "path", "speaker", "gender", "locale"])
    decoded = pd.read_parquet(index, columns=["key"])["key"]
    rejected = pd.read_csv(rejects, dtype="str", keep_default_na=False)
    placed = pd.read_parquet(split)
    used = placed[placed["split"].notna()].merge(chosen.drop(columns="speaker"), on="key", how="left")
    accounts = {
        "dropped": tally(outcomes["outcome"].astype("str"), leave="kept"),
        "rejected": tally(rejected["reason"]),
        "left_out": tally(placed["left_out"].dropna().astype("str")),
        **used["split"].value_counts(sort=False).to_dict(),
    }
    shared = shared_speakers(used)
    claims = {
        "every row of the tables has one outcome: a rule that dropped it, a reject reason, a reason to leave it out, a split": (
            total(accounts) == len(outcomes)
            and same(outcomes["path"][outcomes["outcome"] == "kept"], chosen["path"])
            and same(chosen["key"], pd.concat([decoded, rejected["key"]]))
            and same(decoded, placed["key"])
            and bool((placed["split"].isna() != placed["left_out"].isna()).all())
        ),
        "no clip stands twice": placed["key"].is_unique,
        "no speaker stands in two splits": shared == 0,
        "val and test have as many clips of each group": is_even(used),
        f"no speaker has more than {settings.clips_per_speaker} clips in val or test": (
            most_of_a_speaker(used) <= settings.clips_per_speaker
        ),
    }
    if settings.by == "locale":
        claims["no locale stands in two splits"] = bool((used.groupby("locale")["split"].nunique() <= 1).all())
    return {
        "by": settings.by,
        "leaks": shared > 0,
        "speakers_in_two_splits": shared,
        **({"folds": settings.folds, "fold": settings.fold} if settings.by in ("speaker", "locale", "clip") else {}),
        "claims": {claim: bool(holds) for claim, holds in claims.items()},
        "rows": len(outcomes),
        "accounts": accounts,
        "splits": {name: contents(used[used["split"] == name]) for name in used["split"].cat.categories},
    }


def tally(values: pd.Series, leave: str = "") -> dict[str, int]:
    return {value: number for value, number in values.value_counts().to_dict().items() if value != leave}


def total(accounts: dict) -> int:
    return sum(sum(part.values()) if isinstance(part, dict) else part for part in accounts.values())


def same(first: pd.Series, second: pd.Series) -> bool:
    """True if both hold the same values, each once."""
    return len(first) == len(second) == first.nunique() and bool(first.isin(second).all())


def shared_speakers(used: pd.DataFrame) -> int:
    return int((used.groupby("speaker", observed=True)["split"].nunique() > 1).sum())


def is_even(used: pd.DataFrame) -> bool:
    judged = used[used["split"] != "train"]
    counts = judged.groupby(["split", "group"], observed=False).size().unstack().drop("train")
    return bool((counts.nunique(axis=1) == 1).all() and (counts > 0).all(axis=None))


def most_of_a_speaker(used: pd.DataFrame) -> int:
    judged = used[used["split"] != "train"]
    return int(judged.groupby(["split", "speaker"], observed=True).size().max())


def contents(part: pd.DataFrame) -> dict:
    """Clips, speakers, speakers by sex, and locales of a split, whole and by group."""

    def of(rows: pd.DataFrame) -> dict:
        sexes = rows.drop_duplicates("speaker")["gender"].replace("", "unstated")
        return {
            "clips": len(rows),
            "speakers": rows["speaker"].nunique(),
            "sexes": tally(sexes),
            "locales": rows["locale"].nunique(),
        }

    return of(part) | {"groups": {str(group): of(rows) for group, rows in part.groupby("group", observed=False)}}


def check(account: dict) -> None:
    """Raises UserError if a claim fails; a split by clip may tear speakers apart, and is marked."""
    failed = [claim for claim, holds in account["claims"].items() if not holds and may_not_fail(claim, account)]
    if failed:
        raise UserError(f"the certificate does not hold: {'; '.join(f'not so: {claim}' for claim in failed)}")


def may_not_fail(claim: str, account: dict) -> bool:
    return not (account["by"] == "clip" and claim == "no speaker stands in two splits")


def describe(account: dict) -> str:
    parts = [
        f"{name} {part['clips']:,} clips of {part['speakers']:,} speakers" for name, part in account["splits"].items()
    ]
    warning = f"\nsplit: LEAKING, by intent (split.by: clip). {LEAKS}" if account["leaks"] else ""
    return f"split: {', '.join(parts)}{warning}"


def page(account: dict) -> str:
    """The account as Markdown."""
    by = f"by {account['by']}" + (f", fold {account['fold']} of {account['folds']}" if "fold" in account else "")
    lines = [f"# The split, {by}", ""]
    if account["leaks"]:
        lines += [f"**This split leaks, by intent.** {LEAKS}", ""]
    lines += ["## What it promises", "", "Computed from the files that were written.", ""]
    lines += [f"- {'yes' if holds else '**no**'}: {claim}" for claim, holds in account["claims"].items()]
    lines += ["", "## Who is in it", ""]
    lines += ["| split | group | clips | speakers | women | men | other | not stated | locales |"]
    lines += ["|---|---|---:|---:|---:|---:|---:|---:|---:|"]
    for name, part in account["splits"].items():
        lines += [row(name, group, each) for group, each in [*part["groups"].items(), ("**all**", part)]]
    lines += ["", "A speaker with clips in two neighbouring groups counts in both, and once in all.", ""]
    lines += ["## Where every row of the tables went", "", "| | rows |", "|---|---:|"]
    for where, number in account["accounts"].items():
        parts = {where: number} if isinstance(number, int) else {f"{where}: {k}": v for k, v in number.items()}
        lines += [f"| {what.replace('_', ' ')} | {count:,} |" for what, count in parts.items()]
    return "\n".join([*lines, f"| **all** | {account['rows']:,} |", ""])


def row(name: str, group: str, part: dict) -> str:
    sexes = [part["sexes"].get(sex, 0) for sex in ("female", "male", "other", "unstated")]
    numbers = [part["clips"], part["speakers"], *sexes, part["locales"]]
    return f"| {name} | {group} | " + " | ".join(f"{number:,}" for number in numbers) + " |"
