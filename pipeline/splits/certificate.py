"""Certificate: what a split promises, proved from its files alone."""

from pathlib import Path

import pandas as pd

from pipeline.corpus.ages import groups_of
from pipeline.params import Filter, Params, Split
from pipeline.paths import REJECTS
from pipeline.running.output import read_csv, read_parquet
from pipeline.stage import UserError, fingerprint

LEAKS = "Clips of the same speakers are in train and test: the scores show how well familiar voices are recognised."
ONE_FATE = "every row of the tables has one fate: a rule, a reject reason, a reason to leave it out, or a split"
APART = "no speaker is in two splits"
FOLDED = ("speaker", "locale", "corpus", "clip")


def certify(rows: Path, manifest: Path, logmel: Path, split: Path, params: Params) -> dict:
    """The account of every row of the tables, and the claims checked against it."""
    outcomes = read_parquet(rows, ["corpus", "path", "outcome"])
    chosen = read_parquet(
        manifest, ["key", "corpus", "path", "speaker", "age", "years", "is_exact", "gender", "locale"]
    )
    decoded = read_parquet(logmel / "index.parquet", ["key"])["key"]
    rejected = read_csv(logmel / REJECTS.name, ["key", "reason"], dtype="str", keep_default_na=False)
    placed = read_parquet(split, ["key", "speaker", "group", "split", "left_out"])
    used = placed[placed["split"].notna()].merge(chosen.drop(columns="speaker"), on="key", how="left")
    accounts = {
        "dropped": tally(outcomes["outcome"].astype("str"), leave="kept"),
        "rejected": tally(rejected["reason"]),
        "left_out": tally(placed["left_out"].dropna().astype("str")),
        **used["split"].value_counts(sort=False).to_dict(),
    }
    claims = {
        ONE_FATE: (
            total(accounts) == len(outcomes)
            and same(named(outcomes[outcomes["outcome"] == "kept"]), named(chosen))
            and same(chosen["key"], pd.concat([decoded, rejected["key"]]))
            and same(decoded, placed["key"])
            and bool((placed["split"].isna() != placed["left_out"].isna()).all())
        ),
        **claims_on_manifest(chosen, params.filter),
        "speakers and groups are those of the manifest": agrees(placed, chosen, params.split),
        **claims_on_split(used, params.split),
    }
    return {
        "by": params.split.by,
        "leaks": not claims[APART],
        "speakers_in_two_splits": shared_speakers(used),
        **({"folds": params.split.folds, "fold": params.split.fold} if params.split.by in FOLDED else {}),
        "seed": params.split.seed,
        "groups": params.split.groups,
        "fingerprint": fingerprint(split),
        "claims": {claim: bool(holds) for claim, holds in claims.items()},
        "rows": len(outcomes),
        "accounts": accounts,
        "corpora": {name: tally(part["split"].astype("str")) for name, part in used.groupby("corpus")},
        "splits": {name: contents(used[used["split"] == name]) for name in used["split"].cat.categories},
    }


def claims_on_manifest(chosen: pd.DataFrame, settings: Filter) -> dict[str, bool]:
    most, groups = settings.clips_per_speaker, groups_of(chosen, settings.groups).dropna().astype("str")
    claims = {f"no speaker has more than {most} clips in the manifest": chosen["speaker"].value_counts().max() <= most}
    if settings.balance == "undersample":
        claims["the manifest has the same number of clips in each of its groups"] = groups.value_counts().nunique() == 1
    if settings.clips_per_group:
        claims[f"the manifest has at most {settings.clips_per_group} clips per group"] = (
            groups.value_counts().max() <= settings.clips_per_group
        )
    return claims


def claims_on_split(used: pd.DataFrame, settings: Split) -> dict[str, bool]:
    claims = {
        "no clip is used twice": used["key"].is_unique,
        APART: shared_speakers(used) == 0,
        "val and test each have the same number of clips in every group": is_even(used),
        f"no speaker has more than {settings.clips_per_speaker} clips in val or test": (
            most_of_a_speaker(used) <= settings.clips_per_speaker
        ),
    }
    if settings.by == "locale":
        claims["no locale is in two splits"] = (used.groupby("locale")["split"].nunique() <= 1).all()
    if settings.by == "corpus":
        tested = used["corpus"][used["split"] == "test"]
        claims["test is one corpus, and nothing of it is in train or val"] = (
            tested.nunique() == 1 and not used["corpus"][used["split"] != "test"].isin(tested).any()
        )
    return claims


def agrees(placed: pd.DataFrame, chosen: pd.DataFrame, settings: Split) -> bool:
    """True if each clip's speaker is the manifest's, and its group follows from the age there."""
    of_manifest = ["key", "speaker", "age", "years", "is_exact"]
    both = placed.merge(chosen[of_manifest], on="key", how="left", suffixes=("", "_chosen"))
    group = groups_of(both, settings.groups).astype("str").fillna("")
    return bool(
        (both["speaker"] == both["speaker_chosen"]).all() and (both["group"].astype("str").fillna("") == group).all()
    )


def tally(values: pd.Series, leave: str | None = None) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    counts = values[values != leave].value_counts().to_dict()
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def total(accounts: dict) -> int:
    return sum(sum(part.values()) if isinstance(part, dict) else part for part in accounts.values())


def named(rows: pd.DataFrame) -> pd.Series:
    return rows["corpus"].astype("str") + "/" + rows["path"]


def same(first: pd.Series, second: pd.Series) -> bool:
    """True if both hold the same values, each once."""
    return len(first) == len(second) == len(values := set(first)) and values == set(second)


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


def check_claims(account: dict) -> None:
    """Raises UserError if a claim fails; only a split by clip may put a speaker in two splits, and it is marked."""
    failed = [claim for claim, holds in account["claims"].items() if not holds and may_not_fail(claim, account)]
    if failed:
        raise UserError(f"the certificate does not hold: {'; '.join(f'not true: {claim}' for claim in failed)}")


def may_not_fail(claim: str, account: dict) -> bool:
    return not (account["by"] == "clip" and claim == APART)


def describe_split(account: dict) -> str:
    parts = [
        f"{name} {part['clips']:,} clips of {part['speakers']:,} speakers" for name, part in account["splits"].items()
    ]
    warning = f"\nsplit: LEAKING, on purpose (split.by: clip). {LEAKS}" if account["leaks"] else ""
    return f"split: {', '.join(parts)}{warning}"
