"""Evaluate: judges the trained model on the test clips, beside baselines, and writes its model card."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from features.store import Store
from models.judging import judge
from models.pictures import draw_confusion, draw_errors, draw_history, draw_recall, draw_reliability
from models.recipe import Recipe
from models.trained import load
from models.training import kept_epoch
from pipeline.card import EVALUATION, write_card
from pipeline.decode import LOGMEL
from pipeline.params import load_params
from pipeline.report import Report, report_on
from pipeline.split import REPORT, SPLIT
from pipeline.stage import build_aside, fingerprint, run_stage
from pipeline.train import MODEL, source_argument, windows_of

BASELINE = "baseline: "  # before the name of each, in predictions.parquet


def predictions(test: pd.DataFrame, report: Report, groups: list[str]) -> pd.DataFrame:
    """`key`, `speaker`, `group`, the probability of each group under its name, and what each baseline gave."""
    rows = test[["key", "speaker", "group"]].reset_index(drop=True)
    given = {
        BASELINE + name: np.array(groups)[probabilities.argmax(axis=1)]
        for name, probabilities in report.baselines.items()
        if name != "chance"
    }
    return rows.join(pd.DataFrame(report.judged.probabilities, columns=groups)).assign(**given)


def draw(report: Report, groups: list[str], recipe: Recipe, folder: Path) -> None:
    """The pictures of the model card."""
    draw_confusion(report.confusion, groups, folder / "confusion.png")
    draw_errors(report.errors, report.judged.targets, groups, folder / "errors.png")
    draw_recall(report.tables["recall"], folder / "recall.png")
    draw_reliability(report.tables["reliability"], folder / "reliability.png")
    history = pd.read_csv(MODEL / "history.csv")
    draw_history(history, kept_epoch(history.to_dict("records"), recipe), folder / "history.png")


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
    raw = judge(model, windows_of(test, config.frames, source), len(test), params.compute.device)
    report = report_on(split, raw, config, None if source else Store(LOGMEL))
    with build_aside(EVALUATION, fingerprint(SPLIT, MODEL / "config.json")) as partial:
        (partial / "metrics.json").write_text(json.dumps(report.metrics, indent=2) + "\n", encoding="utf-8")
        predictions(test, report, config.groups).to_parquet(partial / "predictions.parquet", index=False)
        for name, table in report.tables.items():
            table.to_csv(partial / f"{name}.csv", index=False)
        draw(report, config.groups, params.train, partial)
        write_card(partial, params, config, report, json.loads(REPORT.read_text(encoding="utf-8")))
    print(describe(report.metrics, test))


if __name__ == "__main__":
    run_stage(main)
