"""Evaluate: judges the trained model on the test clips."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from features.store import Store
from models.data import Windows
from models.judging import confusion, judge, metrics, seen_and_unseen
from models.pictures import draw_confusion
from models.streaming import Clips, StreamedWindows
from models.trained import load
from models.training import device_of
from pipeline.decode import LOGMEL
from pipeline.params import load_params
from pipeline.split import SPLIT
from pipeline.stage import build_aside, fingerprint, run_stage
from pipeline.train import MODEL, source_argument

EVALUATION = Path("data/evaluation")

CLIPS_AT_ONCE = 64


def windows_of(test: pd.DataFrame, frames: int, source: str | None) -> Windows | StreamedWindows:
    """The windows of the test clips, out of the store or of a stream, with the clips' places in `test`."""
    if source:
        places = {key: place for place, key in enumerate(test["key"])}
        return StreamedWindows(Clips(source, places), frames, CLIPS_AT_ONCE)
    store = Store(LOGMEL)
    return Windows(store, store.rows_of(test["key"]), np.arange(len(test)), frames, CLIPS_AT_ONCE)


def predictions_table(test: pd.DataFrame, probabilities: np.ndarray, groups: list[str]) -> pd.DataFrame:
    """`key`, `speaker`, `group`, and the probability of each group under its name."""
    return test[["key", "speaker", "group"]].reset_index(drop=True).join(pd.DataFrame(probabilities, columns=groups))


def confusion_table(test: pd.DataFrame, probabilities: np.ndarray, groups: list[str]) -> pd.DataFrame:
    """A row a clip, in the form that dvc's confusion template counts."""
    given = [groups[number] for number in probabilities.argmax(axis=1)]
    return pd.DataFrame({"actual": test["group"].astype("str"), "predicted": given})


def describe(scores: dict, test: pd.DataFrame) -> str:
    recall = scores["recall"]
    lines = [
        f"evaluate: {len(test):,} test clips of {test['speaker'].nunique():,} speakers; chance {1 / len(recall):.3f}"
    ]
    lines += [f"{name:>18}  {value:.3f}" for name, value in scores.items() if type(value) is float]
    lines += [f"{'recall of ' + group:>18}  {value:.3f}" for group, value in recall.items()]
    if scores["leaks"]:
        lines += ["LEAKING, by intent: speakers stand in train and in test, these are no scores for strangers"]
        lines += [
            f"{name + ' speakers':>18}  macro recall {scores[name]['macro_recall']:.3f}, {scores[name]['clips']} clips"
            for name in ("seen", "unseen")
            if name in scores
        ]
    return "\n".join(lines)


def main() -> None:
    params = load_params()
    split = pd.read_parquet(SPLIT)
    test = split[split["split"] == "test"]
    model, config = load(MODEL)
    targets = test["group"].cat.codes.to_numpy("int64")
    windows = windows_of(test, config.frames, source_argument(__doc__))
    probabilities = judge(model, windows, len(test), device_of(params.compute.accelerator))
    is_seen = test["speaker"].isin(split["speaker"][split["split"].isin(["train", "val"])]).to_numpy()
    scores = metrics(probabilities, targets, config.groups) | {"leaks": bool(is_seen.any())}
    if scores["leaks"]:
        scores |= seen_and_unseen(probabilities, targets, is_seen)
    with build_aside(EVALUATION, fingerprint(SPLIT, MODEL / "config.json")) as partial:
        (partial / "metrics.json").write_text(json.dumps(scores, indent=2) + "\n")
        predictions_table(test, probabilities, config.groups).to_parquet(partial / "predictions.parquet", index=False)
        confusion_table(test, probabilities, config.groups).to_csv(partial / "confusion.csv", index=False)
        draw_confusion(confusion(probabilities, targets), config.groups, partial / "confusion.png")
    print(describe(scores, test))


if __name__ == "__main__":
    run_stage(main)
