"""Report: a model's test results, as tables and metrics."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from features.store import Store
from models.calibration import reliability, tempered
from models.config import Config
from models.judging.bootstrap import SpeakerBootstrap, interval
from models.judging.breakdown import breakdown
from models.judging.judged import Judged
from models.judging.scores import macro_recall, resampled_scores
from pipeline.reports.audit import Baselines, audited, baselines_of, compared
from pipeline.reports.years import years_table

LENGTHS = {"under 3 s": 3, "3 to 5 s": 5, "5 to 8 s": 8, "8 s and more": np.inf}
NO_INTERVAL = "ece"  # chance alone raises it, in the test set and again in each resample of it


@dataclass(frozen=True)
class Report:
    judged: Judged  # the test clips, in the order of the split
    baselines: dict[str, np.ndarray]  # the probabilities of each, (clips, groups)
    tables: dict[str, pd.DataFrame]
    metrics: dict
    errors: np.ndarray  # expected minus true age, in years, (clips,)
    confusion: np.ndarray  # (groups, groups) clips, one row per true group


def report_on(split: pd.DataFrame, raw: np.ndarray, config: Config, store: Store | None) -> Report:
    """The report on the probabilities `raw`, (test clips, groups); without a store it has one baseline fewer."""
    test = split[split["split"] == "test"]
    is_seen = test["speaker"].isin(split["speaker"][split["split"].isin(["train", "val"])]).to_numpy()
    report = report_of(test, raw, config, baselines_of(split, config.front_end.hop, store), is_seen)
    theirs = split[split["speaker"].isin(test["speaker"])]
    report.tables["years"] = years_table(
        report.judged,
        np.array(config.years),
        constant=float(split["years"][split["split"] == "train"].median()),
        natural=theirs["group"].value_counts(sort=False).to_numpy(),
        is_exact=test["is_exact"].to_numpy(bool),
    )
    return report


def report_of(test: pd.DataFrame, raw: np.ndarray, config: Config, baselines: Baselines, is_seen: np.ndarray) -> Report:
    """The report on test clips, of one split or of several folds; `is_seen` says whose speakers were learnt from."""
    judged = Judged(
        tempered(raw, config.temperature),
        test["group"].cat.codes.to_numpy("int64"),
        test["years"].to_numpy("float64"),
        test["speaker"].to_numpy(),
    )
    bootstrap = SpeakerBootstrap(judged.speakers)
    scores, recalls = scores_tables(judged, config)
    errors = judged.probabilities @ np.array(config.years) - judged.ages
    confusion = confusion_matrix(judged.targets, judged.predicted, labels=range(len(config.groups)))
    tables = {
        "scores": scores,
        "recall": recalls,
        "breakdown": breakdown(judged, facets_of(test), bootstrap),
        "baselines": compared(judged, baselines.probabilities, bootstrap),
        "shortcuts": audited(judged, baselines.shortcuts, bootstrap),
        "reliability": before_and_after(raw, judged),
        "confusion": confusion_table(confusion, config.groups),
        "errors": errors_table(errors),
    }
    metrics = metrics_of(scores, recalls, tables["baselines"])
    metrics |= {"uncalibrated": calibration_of(raw, judged, config), "leaks": bool(is_seen.any())}
    if metrics["leaks"]:
        metrics |= seen_and_unseen(judged, is_seen)
    return Report(judged, baselines.probabilities, tables, metrics, errors, confusion)


def scores_tables(judged: Judged, config: Config) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scores, and the recall of each group, by clip and by speaker, with intervals."""
    scores, recalls = [], []
    for level, rows in {"clip": judged, "speaker": judged.by_speaker()}.items():
        resampled = resampled_scores(rows, np.array(config.years), SpeakerBootstrap(rows.speakers))
        for group, recall in zip(config.groups, resampled.pop("recall").T, strict=True):
            low, high = interval(recall)
            recalls.append({"level": level, "group": group, "recall": recall[0], "low": low, "high": high})
        for name, values in resampled.items():
            low, high = (np.nan, np.nan) if name == NO_INTERVAL else interval(values)
            scores.append({"level": level, "score": name, "value": values[0], "low": low, "high": high})
    return pd.DataFrame(scores), pd.DataFrame(recalls)


def facets_of(test: pd.DataFrame) -> pd.DataFrame:
    """The facets that divide the test clips, to see who the model works for."""
    seconds = pd.cut(test["seconds"], [0, *LENGTHS.values()], right=False, labels=list(LENGTHS))
    facets = {
        "group": test["group"],
        "gender": test["gender"].replace("", "not stated"),
        "accent": test["accent"].replace("", "not stated"),
        "locale": test["locale"],
        "corpus": test["corpus"],
        "sample rate": test["sample_rate"].astype("str") + " Hz",
        "clip length": seconds,
    }
    return pd.DataFrame(facets).reset_index(drop=True)


def before_and_after(raw: np.ndarray, judged: Judged) -> pd.DataFrame:
    """The reliability of probabilities before and after temperature scaling."""
    tables = {"before": reliability(raw, judged.targets), "after": reliability(judged.probabilities, judged.targets)}
    return pd.concat([table.assign(temperature=name) for name, table in tables.items()], ignore_index=True)


def confusion_table(counts: np.ndarray, groups: list[str]) -> pd.DataFrame:
    """`actual`, `judged`, `clips` and their `share` of the true group, in the groups' order."""
    table = pd.DataFrame(counts, groups, groups).rename_axis("actual").reset_index()
    table = table.melt("actual", var_name="judged", value_name="clips")
    return table.assign(share=table["clips"] / table.groupby("actual")["clips"].transform("sum"))


def errors_table(errors: np.ndarray) -> pd.DataFrame:
    """The share of clips in each five years of `error`, expected minus true age."""
    bins = pd.Series(5 * np.round(errors / 5)).value_counts(normalize=True).sort_index()
    return bins.rename_axis("error").rename("share").reset_index()


def calibration_of(probabilities: np.ndarray, judged: Judged, config: Config) -> dict:
    """The scores that a temperature changes, for other probabilities of the same clips."""
    once = SpeakerBootstrap(judged.speakers, resamples=0)
    resampled = resampled_scores(replace(judged, probabilities=probabilities), np.array(config.years), once)
    return {name: float(resampled[name][0]) for name in ("loss", "ece")}


def seen_and_unseen(judged: Judged, is_seen: np.ndarray) -> dict:
    """Separate scores of a leaking split, for clips of speakers seen in training and of strangers."""
    return {
        name: {
            "clips": int(rows.sum()),
            "accuracy": float((judged.predicted == judged.targets)[rows].mean()),
            "macro_recall": macro_recall(judged.part(rows)),
        }
        for name, rows in {"seen": is_seen, "unseen": ~is_seen}.items()
        if rows.any()
    }


def metrics_of(scores: pd.DataFrame, recalls: pd.DataFrame, baselines: pd.DataFrame) -> dict:
    """What `dvc metrics` shows: the scores by clip and by speaker, and the macro recall of the baselines."""

    def of(level: str) -> dict:
        rows = scores[scores["level"] == level].set_index("score")
        headline = rows.loc["macro_recall"]
        return rows["value"].to_dict() | {"macro_recall_low": headline["low"], "macro_recall_high": headline["high"]}

    recall = recalls[recalls["level"] == "clip"].set_index("group")["recall"].to_dict()
    return {
        **of("clip"),
        "recall": recall,
        "speaker": of("speaker"),
        "baselines": baselines.set_index("baseline")["macro_recall"].to_dict(),
        "beats_baselines": bool(baselines["beaten"].all()),
    }
