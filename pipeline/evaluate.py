"""Evaluate: judges the trained model on the test clips, beside baselines, and writes its model card."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from features.store import Store
from models.bootstrap import SpeakerBootstrap, interval
from models.breakdown import breakdown
from models.calibration import reliability, tempered
from models.judging import Judged, judge
from models.pictures import draw_confusion, draw_errors, draw_history, draw_recall, draw_reliability
from models.scores import macro_recall, resampled_scores
from models.trained import Config, load
from models.training import device_of
from pipeline.audit import Baselines, audited, compared
from pipeline.card import write_card
from pipeline.commonvoice import YEARS
from pipeline.decode import LOGMEL
from pipeline.params import load_params
from pipeline.split import REPORT, SPLIT
from pipeline.stage import build_aside, fingerprint, run_stage
from pipeline.train import MODEL, source_argument, windows_of

EVALUATION = Path("data/evaluation")

LENGTHS = {"under 3 s": 3, "3 to 5 s": 5, "5 to 8 s": 8, "8 s and more": np.inf}
BASELINE = "baseline: "  # before the name of each, in predictions.parquet
NO_INTERVAL = "ece"  # chance alone raises it, in a sample and again in each sample of that


def scores_table(judged: Judged, config: Config) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scores, and the recall of each group, by clip and by speaker: with intervals."""
    scores, recalls = [], []
    for level, rows in {"clip": judged, "speaker": judged.by_speaker()}.items():
        given = resampled_scores(rows, np.array(config.years), SpeakerBootstrap(rows.speakers))
        for group, recall in zip(config.groups, given.pop("recall").T, strict=True):
            low, high = interval(recall)
            recalls.append({"level": level, "group": group, "recall": recall[0], "low": low, "high": high})
        for name, values in given.items():
            low, high = (np.nan, np.nan) if name == NO_INTERVAL else interval(values)
            scores.append({"level": level, "score": name, "value": values[0], "low": low, "high": high})
    return pd.DataFrame(scores), pd.DataFrame(recalls)


def facets_of(test: pd.DataFrame) -> pd.DataFrame:
    """What the test clips are told apart by, to see who the model works for."""
    seconds = pd.cut(test["seconds"], [0, *LENGTHS.values()], right=False, labels=list(LENGTHS))
    facets = {
        "group": test["group"],
        "gender": test["gender"].replace("", "not stated"),
        "accent": test["accent"].replace("", "not stated"),
        "locale": test["locale"],
        "sample rate": test["sample_rate"].astype("str") + " Hz",
        "clip length": seconds,
    }
    return pd.DataFrame(facets).reset_index(drop=True)


def before_and_after(raw: np.ndarray, judged: Judged) -> pd.DataFrame:
    """The reliability of probabilities before and after their temperature."""
    tables = {"before": reliability(raw, judged.targets), "after": reliability(judged.probabilities, judged.targets)}
    return pd.concat([table.assign(temperature=name) for name, table in tables.items()], ignore_index=True)


def confusion_table(counts: np.ndarray, groups: list[str]) -> pd.DataFrame:
    """`actual`, `judged`, `clips` and their `share` of the true group, in the groups' order."""
    table = pd.DataFrame(counts, groups, groups).rename_axis("actual").reset_index()
    table = table.melt("actual", var_name="judged", value_name="clips")
    return table.assign(share=table["clips"] / table.groupby("actual")["clips"].transform("sum"))


def errors_table(errors: np.ndarray) -> pd.DataFrame:
    """The share of clips in each five years of `error`, the expected age less the true one."""
    bins = pd.Series(5 * np.round(errors / 5)).value_counts(normalize=True).sort_index()
    return bins.rename_axis("error").rename("share").reset_index()


def uncalibrated(raw: np.ndarray, judged: Judged, config: Config) -> dict:
    """What the temperature changes, without it."""
    once = SpeakerBootstrap(judged.speakers, resamples=0)
    given = resampled_scores(replace(judged, probabilities=raw), np.array(config.years), once)
    return {name: float(given[name][0]) for name in ("loss", "ece")}


def seen_and_unseen(judged: Judged, is_seen: np.ndarray) -> dict:
    """Scores of a leaking split apart, for clips whose speakers were learnt from and for those of strangers."""
    return {
        name: {
            "clips": int(rows.sum()),
            "accuracy": float((judged.given == judged.targets)[rows].mean()),
            "macro_recall": macro_recall(judged.part(rows)),
        }
        for name, rows in {"seen": is_seen, "unseen": ~is_seen}.items()
        if rows.any()
    }


def metrics(scores: pd.DataFrame, recalls: pd.DataFrame, baselines: pd.DataFrame) -> dict:
    """What `dvc metrics` shows: the scores by clip, those by speaker, and the macro recall of the baselines."""

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


def describe(scores: dict, test: pd.DataFrame) -> str:
    recall = scores["recall"]
    lines = [
        f"evaluate: {len(test):,} test clips of {test['speaker'].nunique():,} speakers; chance {1 / len(recall):.3f}"
    ]
    lines += [f"{name:>18}  {value:.3f}" for name, value in scores.items() if type(value) is float]
    lines += [f"{'recall of ' + group:>18}  {value:.3f}" for group, value in recall.items()]
    if not scores["beats_baselines"]:
        lines += ["it does NOT clearly beat every baseline: see data/evaluation/README.md"]
    if scores["leaks"]:
        lines += ["LEAKING, by intent: speakers stand in train and in test, these are no scores for strangers"]
        lines += [
            f"{name + ' speakers':>18}  macro recall {scores[name]['macro_recall']:.3f}, {scores[name]['clips']} clips"
            for name in ("seen", "unseen")
            if name in scores
        ]
    return "\n".join(lines)


def main() -> None:
    params, source = load_params(), source_argument(__doc__)
    split = pd.read_parquet(SPLIT)
    test = split[split["split"] == "test"]
    model, config = load(MODEL)
    windows = windows_of(test, config.frames, source)
    raw = judge(model, windows, len(test), device_of(params.compute.accelerator))
    judged = Judged(
        tempered(raw, config.temperature),
        test["group"].cat.codes.to_numpy("int64"),
        test["age"].map(YEARS).to_numpy("float64"),
        test["speaker"].to_numpy(),
    )
    bootstrap = SpeakerBootstrap(judged.speakers)
    baselines = Baselines(split, config.front_end.hop, None if source else Store(LOGMEL))
    scores, recalls = scores_table(judged, config)
    tables = {
        "scores": scores,
        "recall": recalls,
        "breakdown": breakdown(judged, facets_of(test), bootstrap),
        "baselines": compared(judged, baselines.given, bootstrap),
        "shortcuts": audited(judged, baselines.shortcuts, bootstrap),
        "reliability": before_and_after(raw, judged),
    }
    is_seen = test["speaker"].isin(split["speaker"][split["split"].isin(["train", "val"])]).to_numpy()
    summary = metrics(scores, recalls, tables["baselines"])
    summary |= {"uncalibrated": uncalibrated(raw, judged, config), "leaks": bool(is_seen.any())}
    if summary["leaks"]:
        summary |= seen_and_unseen(judged, is_seen)
    with build_aside(EVALUATION, fingerprint(SPLIT, MODEL / "config.json")) as partial:
        (partial / "metrics.json").write_text(json.dumps(summary, indent=2) + "\n")
        predictions(test, judged, baselines, config.groups).to_parquet(partial / "predictions.parquet", index=False)
        draw(partial, tables, judged, config)
        for name, table in tables.items():
            table.to_csv(partial / f"{name}.csv", index=False)
        write_card(partial, params, config, tables, summary, json.loads(REPORT.read_text()))
    print(describe(summary, test))


def predictions(test: pd.DataFrame, judged: Judged, baselines: Baselines, groups: list[str]) -> pd.DataFrame:
    """`key`, `speaker`, `group`, the probability of each group under its name, and what each baseline gave."""
    rows = test[["key", "speaker", "group"]].reset_index(drop=True)
    given = {
        f"{BASELINE}{name}": np.array(groups)[probabilities.argmax(axis=1)]
        for name, probabilities in baselines.given.items()
        if name != "chance"
    }
    return rows.join(pd.DataFrame(judged.probabilities, columns=groups)).assign(**given)


def draw(folder: Path, tables: dict[str, pd.DataFrame], judged: Judged, config: Config) -> None:
    """The pictures of the model card, and beside each the table from which `dvc plots` draws it."""
    groups = config.groups
    counts = confusion_matrix(judged.targets, judged.given, labels=range(len(groups)))
    errors = judged.probabilities @ np.array(config.years) - judged.ages
    tables |= {"confusion": confusion_table(counts, groups), "errors": errors_table(errors)}
    draw_confusion(counts, groups, folder / "confusion.png")
    draw_errors(errors, judged.targets, groups, folder / "errors.png")
    draw_recall(tables["recall"], folder / "recall.png")
    draw_reliability(tables["reliability"], folder / "reliability.png")
    draw_history(pd.read_csv(MODEL / "history.csv"), folder / "history.png")


if __name__ == "__main__":
    run_stage(main)
