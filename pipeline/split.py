"""Split: who is trained on, who is tested? Whole speakers go to folds; val and test are balanced over groups."""

import json
from pathlib import Path

import pandas as pd

from features.running.durable import written_whole
from pipeline.corpus.ages import groups_of
from pipeline.corpus.balance import is_surplus, rarest, seeded_order, turn_within
from pipeline.params import Split, load_params
from pipeline.paths import FEATURES, FILTER_REPORT, MANIFEST, ROWS, SPLIT, SPLIT_PAGE, SPLIT_REPORT
from pipeline.reports.markdown import render
from pipeline.running.output import read_json, read_parquet
from pipeline.splits import certificate, folds, listed
from pipeline.splits.written import OF_INDEX, OF_MANIFEST, SPLIT_COLUMNS
from pipeline.stage import UserError, run_stage

SPLITS = ("train", "val", "test")
LEFT_OUT = (
    "other_age",  # in none of split.groups
    "unassigned",  # not in the given split; or in a locale that is not its speaker's own
    "talkative",  # more clips than one speaker may have in val or test
    "surplus",  # more clips than the rarest group has, in val or test
)


def grouped(manifest: pd.DataFrame, decoded: pd.DataFrame, settings: Split) -> pd.DataFrame:
    """The decoded clips with their `group` (missing for an age in no group) and `order`, sorted by key."""
    rows = manifest.merge(decoded, on="key").sort_values("key", ignore_index=True)  # isin: 5 x slower
    rows["group"] = groups_of(rows, settings.groups)
    rows["order"] = seeded_order(rows["key"], settings.seed)
    return rows


def assign(rows: pd.DataFrame, settings: Split) -> pd.DataFrame:
    """Add `split`, missing for clips that are in none, and `left_out`, the reason why.

    Val and test are capped per speaker and balanced over groups. Raises UserError for a split that lacks a group.
    """
    in_group = rows[rows["group"].notna()]
    split = split_of(in_group, settings)
    reason = pd.Series("", rows.index)
    reason[rows["group"].isna()] = "other_age"
    reason[split.index[split.isna()]] = "unassigned"
    for name in SPLITS:
        part = in_group[split == name]
        if name != "train":
            is_talkative = turn_within(part, ["speaker"]) >= settings.clips_per_speaker
            reason[part.index[is_talkative]] = "talkative"
            part = part[~is_talkative]
        check_groups(part, name)
        if name != "train":
            reason[part.index[is_surplus(part, rarest(part["group"]))]] = "surplus"
    return rows.assign(
        split=pd.Categorical(split.reindex(rows.index).where(reason == ""), SPLITS),
        left_out=pd.Categorical(reason.where(reason != ""), LEFT_OUT),
    )


def split_of(rows: pd.DataFrame, settings: Split) -> pd.Series:
    """The split of each row, by the rule that settings.by names; missing for rows in none."""
    if settings.by == "official":
        return listed.official_split(rows)
    if settings.by == "corpus":
        return folds.by_corpus(rows, settings.folds, settings.fold)
    if settings.by in FOLDS:
        fold = FOLDS[settings.by](rows, settings.folds)
        names = {settings.fold: "test", (settings.fold + 1) % settings.folds: "val"}
        return fold.map(names).fillna("train").where(fold.notna())
    return listed.listed_split(rows, Path(settings.by))


FOLDS = {"speaker": folds.by_speaker, "locale": folds.by_locale, "clip": folds.by_clip}


def check_groups(part: pd.DataFrame, name: str) -> None:
    """Raises UserError if a split lacks a group: it could not be balanced or learnt."""
    counts = part["group"].value_counts(sort=False)
    absent = list(counts.index[counts == 0])
    if absent:
        raise UserError(
            f"{name} has no clips of {', '.join(absent)}: lower split.folds, merge groups in split.groups, "
            "or choose another split.by"
        )


def main() -> None:
    params, corpus = load_params(), read_json(FILTER_REPORT, dict, "corpus")
    settings = params.split
    decoded = read_parquet(FEATURES / "index.parquet", ["key", *OF_INDEX])
    manifest = read_parquet(MANIFEST, ["key", "path", "speaker", "official", *OF_MANIFEST])
    rows = assign(grouped(manifest, decoded, settings), settings)
    with written_whole(SPLIT) as temporary:
        rows[SPLIT_COLUMNS].to_parquet(temporary, index=False)
    account = {"corpus": corpus} | certificate.certify(ROWS, MANIFEST, FEATURES, SPLIT, params)
    with written_whole(SPLIT_REPORT) as temporary:
        temporary.write_text(json.dumps(account, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with written_whole(SPLIT_PAGE) as temporary:
        temporary.write_text(render("splits/certificate", account=account, leaks=certificate.LEAKS), encoding="utf-8")
    certificate.check_claims(account)
    print(certificate.describe_split(account))


if __name__ == "__main__":
    run_stage(main)
