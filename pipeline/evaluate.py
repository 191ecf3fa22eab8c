"""Evaluate: scores the trained model and some baselines on the test clips, and writes the model card."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from features.store import Store
from models.config import Config, read_origin
from models.judging.pictures import draw_confusion, draw_errors, draw_history, draw_recall, draw_reliability
from models.learning.trained import load
from models.learning.training import kept_epoch
from models.recipe import Recipe
from pipeline.params import load_params
from pipeline.paths import EVALUATION, FEATURES, METRICS, MODEL, SPLIT, SPLIT_REPORT
from pipeline.reports.about import model_fingerprint
from pipeline.reports.model_card import write_card
from pipeline.reports.report import Report, report_on
from pipeline.running.aside import build_aside
from pipeline.running.output import read_csv, read_json
from pipeline.splits.clips import judge_clips, source_argument
from pipeline.splits.written import read_split
from pipeline.stage import UserError, fingerprint, run_stage

BASELINE = "baseline: "  # prefix of their columns in predictions.parquet


def predictions_table(test: pd.DataFrame, report: Report, groups: list[str]) -> pd.DataFrame:
    """`key`, `speaker`, `group`, the probability of each group under its name, and the answer of each baseline."""
    rows = test[["key", "speaker", "group"]].reset_index(drop=True)
    by_baselines = {
        BASELINE + name: np.array(groups)[probabilities.argmax(axis=1)]
        for name, probabilities in report.baselines.items()
        if name != "chance"
    }
    return rows.join(pd.DataFrame(report.judged.probabilities, columns=groups)).assign(**by_baselines)


def split_for(model: Path) -> pd.DataFrame:
    """The current split. Raises UserError unless the model was trained on it."""
    split = read_split()
    if read_origin(model).split.fingerprint != fingerprint(SPLIT):
        raise UserError(f"{model} was trained on a different split from {SPLIT}: dvc repro train")
    return split


def store_for(config: Config) -> Store:
    """The current store. Raises UserError unless it holds the kind of features that the model was trained on."""
    store = Store(FEATURES)
    if store.front_end != config.front_end:
        raise UserError(f"{MODEL} was trained on different features from those in {FEATURES}: dvc repro train")
    return store


def with_run(report: Report, config: Config, test: pd.DataFrame, epochs: int) -> dict:
    """What `dvc metrics` shows, with the run that it describes."""
    run = {
        "model": config.architecture,
        "features": config.front_end.name,
        "fold": config.origin.split.fold,
        "seed": config.origin.recipe.seed,
        "epochs": epochs,
        "clips": len(test),
        "speakers": test["speaker"].nunique(),
        "fingerprint": model_fingerprint(MODEL),
    }
    return report.metrics | {"run": run}


def draw(report: Report, groups: list[str], history: pd.DataFrame, recipe: Recipe, folder: Path) -> None:
    """Draw the pictures of the model card."""
    draw_answers(report, groups, folder)
    draw_reliability(report.tables["reliability"], folder / "reliability.png")
    draw_history(history, kept_epoch(history.to_dict("records"), recipe), folder / "history.png")


def draw_answers(report: Report, groups: list[str], folder: Path) -> None:
    """Draw the pictures of what the model answered."""
    draw_confusion(report.confusion, groups, folder / "confusion.png")
    draw_errors(report.errors, report.judged.targets, groups, folder / "errors.png")
    draw_recall(report.tables["recall"], folder / "recall.png")


def describe_scores(scores: dict, test: pd.DataFrame) -> str:
    recall = scores["recall"]
    lines = [
        f"evaluate: {len(test):,} test clips of {test['speaker'].nunique():,} speakers; chance {1 / len(recall):.3f}"
    ]
    lines += [f"{name:>18}  {value:.3f}" for name, value in scores.items() if type(value) is float]
    lines += [f"{'recall of ' + group:>18}  {value:.3f}" for group, value in recall.items()]
    if not scores["beats_baselines"]:
        lines += ["it does NOT clearly beat every baseline: see data/evaluation/README.md"]
    if scores["leaks"]:
        lines += ["LEAKING, on purpose: speakers are in both train and test, so these are not scores for strangers"]
        lines += [
            f"{name + ' speakers':>18}  macro recall {scores[name]['macro_recall']:.3f}, {scores[name]['clips']} clips"
            for name in ("seen", "unseen")
            if name in scores
        ]
    return "\n".join(lines)


def main() -> None:
    params, source = load_params(), source_argument(__doc__)
    split, certificate = split_for(MODEL), read_json(SPLIT_REPORT, dict)
    history = read_csv(MODEL / "history.csv", ["epoch", "train_loss", "val_loss", "val_macro_recall"])
    test = split[split["split"] == "test"]
    model, config = load(MODEL)
    store = None if source else store_for(config)
    raw = judge_clips(test, model, config.frames, source or store, params.compute.device)
    report = report_on(split, raw, config, store)
    metrics = with_run(report, config, test, len(history))
    with build_aside(EVALUATION, fingerprint(SPLIT, MODEL / "model.pth", MODEL / "config.json")) as partial:
        (partial / METRICS.name).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        predictions_table(test, report, config.groups).to_parquet(partial / "predictions.parquet", index=False)
        for name, table in report.tables.items():
            table.to_csv(partial / f"{name}.csv", index=False)
        draw(report, config.groups, history, config.origin.recipe, partial)
        write_card(partial, config, metrics, report.tables, certificate)
    print(describe_scores(metrics, test))


if __name__ == "__main__":
    run_stage(main)
