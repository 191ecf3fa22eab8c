"""Breakdown: who a model works for, by parts of the test set."""

import numpy as np
import pandas as pd

from models.judging.bootstrap import SpeakerBootstrap, Sums, interval
from models.judging.judged import Judged
from models.judging.scores import recall_of, recall_summands

FEWEST = 10  # speakers; nothing is said about fewer, and values with fewer are merged
OTHERS = "others, together"


def breakdown(judged: Judged, facets: pd.DataFrame, bootstrap: SpeakerBootstrap) -> pd.DataFrame:
    """A row for each value of each facet: clips, speakers, macro recall, and the gap to all other clips.

    The gap compares like with like: it is the mean difference in recall over the groups that both sides have. For the
    facet `group`, whose values have one group each, it is the recall minus the mean recall of the other groups. `mark`
    is `below` or `above` if the gap's 95 % interval does not include 0. With few speakers on either side there is no
    mark and, except for `group`, no gap and no interval. `facets` has a column of labels for each facet, categorical if
    their order matters, and a row for each clip. A facet with one value has no row.
    """
    rows = []
    for facet, labels in with_rare_together(facets, judged.speakers).items():
        values = [value for value in labels.cat.categories if (labels == value).any()]
        if len(values) > 1:
            rows += [
                {"facet": facet, "value": value} | row_of(judged, (labels == value).to_numpy(), bootstrap)
                for value in values
            ]
    table = pd.DataFrame(rows)
    is_thin = table[["speakers", "other_speakers"]].min(axis=1) < FEWEST
    table.loc[is_thin, "mark"] = ""
    table.loc[is_thin & (table["facet"] != "group"), ["gap", "gap_low", "gap_high"]] = np.nan
    table.loc[(table["speakers"] < FEWEST) & (table["facet"] != "group"), ["low", "high"]] = np.nan
    return table.drop(columns="other_speakers")


def with_rare_together(facets: pd.DataFrame, speakers: np.ndarray) -> pd.DataFrame:
    """The same, all categorical: where they were not, values with few speakers are merged, most clips come first."""
    columns = {}
    for facet, labels in facets.items():
        if isinstance(labels.dtype, pd.CategoricalDtype):
            columns[facet] = labels
            continue
        heard = pd.Series(speakers, labels.index).groupby(labels).nunique()
        common = [value for value in labels.value_counts().index if heard[value] >= FEWEST]
        columns[facet] = pd.Categorical(labels.where(labels.isin(common), OTHERS), [*common, OTHERS])
    return pd.DataFrame(columns, facets.index)


def row_of(judged: Judged, is_part: np.ndarray, bootstrap: SpeakerBootstrap) -> dict:
    recall, others = (recall_of(bootstrap.sums(summands_in(judged, rows))) for rows in (is_part, ~is_part))
    score = mean_of_present(recall)
    in_common = ~np.isnan(recall[0] - others[0])
    gap = mean_of_present((recall - others)[:, in_common]) if in_common.any() else score - mean_of_present(others)
    low, high = interval(score)
    gap_low, gap_high = interval(gap)
    return {
        "clips": int(is_part.sum()),
        "speakers": len(np.unique(judged.speakers[is_part])),
        "other_speakers": len(np.unique(judged.speakers[~is_part])),
        "macro_recall": score[0],
        "low": low,
        "high": high,
        "gap": gap[0],
        "gap_low": gap_low,
        "gap_high": gap_high,
        "mark": "below" if gap_high < 0 else "above" if gap_low > 0 else "",
    }


def summands_in(judged: Judged, rows: np.ndarray) -> Sums:
    """The summands of recall, 0 except in these rows, a mask."""
    return {name: values * rows[:, None] for name, values in recall_summands(judged).items()}


def mean_of_present(values: np.ndarray) -> np.ndarray:
    """The mean of what is not NaN: samples of few speakers lack groups. Shape: (samples, groups) → (samples,)."""
    present = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(present, values, 0).sum(axis=1) / present.sum(axis=1)
