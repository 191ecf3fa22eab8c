"""Folds: deals clips into parts of similar make-up. Rows have `speaker`, `gender`, `locale`, `group` and `order`."""

import numpy as np
import pandas as pd

from pipeline.stage import UserError


def by_speaker(rows: pd.DataFrame, folds: int) -> pd.Series:
    """The fold of each row: whole speakers, dealt out in turn within each group and gender.

    A speaker whose clips are in two groups counts in the one that most of them are in. Raises UserError naming a group
    with fewer speakers than folds.
    """
    speakers = most_common(rows, "speaker", "group")
    first = rows.sort_values("order").drop_duplicates("speaker")[["speaker", "gender", "order"]]
    speakers = speakers.merge(first, on="speaker").sort_values(["group", "gender", "order"])
    counts = speakers["group"].value_counts()
    for group in rows["group"].cat.categories:
        if counts[group] < folds:
            raise UserError(
                f"group {group} has {counts[group]} speakers, too few for split.folds ({folds}): "
                "lower it, or merge groups in split.groups"
            )
    fold = pd.Series(np.arange(len(speakers)) % folds, index=speakers["speaker"])
    return rows["speaker"].map(fold).astype("int64")


def by_clip(rows: pd.DataFrame, folds: int) -> pd.Series:
    """The fold of each row: single clips, dealt out in turn within each group. Speakers end up in several folds."""
    turns = rows.sort_values(["group", "order"]).index
    return pd.Series(np.arange(len(rows)) % folds, turns).reindex(rows.index)


def by_locale(rows: pd.DataFrame, folds: int) -> pd.Series:
    """The fold of each row: whole locales, the largest first, each to the fold whose groups it fills most evenly.

    A speaker belongs to the locale of most of their clips; their rows in other locales get no fold (<NA>), so that no
    speaker is in two folds either. Raises UserError for fewer locales than folds.
    """
    home = rows["speaker"].map(most_common(rows, "speaker", "locale").set_index("speaker")["locale"])
    at_home = rows[rows["locale"] == home]
    counts = pd.crosstab(at_home["locale"], at_home["group"])
    if len(counts) < folds:
        raise UserError(f"split.by is locale, but there are {len(counts)}, too few for split.folds ({folds})")
    shares = (counts / counts.sum()).loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    filled = np.zeros((folds, shares.shape[1]))
    fold_of = {}
    for locale, share in zip(shares.index, shares.to_numpy(), strict=True):
        fold_of[locale] = int(np.square(filled + share).sum(axis=1).argmin())
        filled[fold_of[locale]] += share
    return at_home["locale"].map(fold_of).astype("Int64").reindex(rows.index)


def by_corpus(rows: pd.DataFrame, folds: int, fold: int) -> pd.Series:
    """The split of each row: test is the corpus with the number `fold`, in name order; of the speakers of all others,
    one fold is val and the rest train.

    The rows of a speaker who is in test's corpus and in another get none there (<NA>). Raises UserError for a number
    that no corpus has.
    """
    corpora = sorted(rows["corpus"].unique())
    if not 1 <= fold + 1 <= len(corpora) or len(corpora) < 2:
        raise UserError(
            f"split.by is corpus and split.fold {fold}, but there are {len(corpora)} corpora with clips: "
            f"{', '.join(f'{number} is {name}' for number, name in enumerate(corpora))}"
        )
    is_tested = rows["corpus"] == corpora[fold]
    others = rows[~is_tested]
    split = pd.Series(np.where(by_speaker(others, folds) == 0, "val", "train"), others.index)
    strangers = rows.index[is_tested & ~rows["speaker"].isin(others["speaker"])]
    return pd.concat([split, pd.Series("test", strangers)]).reindex(rows.index)


def most_common(rows: pd.DataFrame, who: str, what: str) -> pd.DataFrame:
    """For each `who` the `what` that most of its rows have, or the first in order if several tie."""
    tally = rows.groupby([who, what], observed=True).size().rename("clips").reset_index()
    tally = tally.sort_values(["clips", what], ascending=[False, True], kind="stable")
    return tally.drop_duplicates(who)[[who, what]]
