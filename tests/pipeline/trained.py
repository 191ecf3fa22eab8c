"""Trained: a project with a model of random weights, as the stages leave it, in the working directory."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

from features.front_end import FrontEnd
from models.config import Config
from models.learning.trained import fresh, save
from models.origin import CorpusFacts, Origin, SplitFacts
from models.recipe import Masks, Recipe
from pipeline.paths import METRICS, MODEL, SPLIT, SPLIT_REPORT
from pipeline.reports.about import model_fingerprint
from pipeline.splits.written import SPLIT_COLUMNS
from pipeline.stage import fingerprint
from tests.conftest import GROUPS

PARAMS = Path("params.yaml").read_text(encoding="utf-8")
CORPUS = CorpusFacts("corpus.tar.gz", False, {"validated": 240})
RECIPE = Recipe(60, 8, 6, 4, "val_loss", "cross_entropy", 0.003, 0.01, 1.0, 1, 3, Masks(1, 4, 1, 4))


def write_split(seed: int) -> None:
    """A split of six clips, another for each seed, and its certificate."""
    SPLIT.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.DataFrame(dict.fromkeys(SPLIT_COLUMNS, ""), index=range(6))
    group = pd.Categorical(list(GROUPS), list(GROUPS), ordered=True)
    split = np.roll(["train", "train", "train", "val", "val", "test"], seed)
    rows = rows.assign(key=[f"clip{n}" for n in range(6)], speaker=[f"{9 - n:016x}" for n in range(6)])
    rows.assign(group=group, split=split).to_parquet(SPLIT, index=False)
    facts = {"by": "speaker", "folds": 10, "fold": 0, "seed": seed, "groups": GROUPS, "fingerprint": fingerprint(SPLIT)}
    SPLIT_REPORT.write_text(json.dumps({"corpus": dataclasses.asdict(CORPUS)} | facts), encoding="utf-8")


def write_model(front_end: FrontEnd, weights: int) -> None:
    """A model that was trained on the split at hand."""
    torch.manual_seed(weights)
    MODEL.mkdir(parents=True, exist_ok=True)
    split = json.loads(SPLIT_REPORT.read_text(encoding="utf-8"))
    names = {field.name for field in dataclasses.fields(SplitFacts)}
    origin = Origin(CORPUS, SplitFacts(**{name: split[name] for name in names}), RECIPE)
    settings = {"channels": [4, 4, 4], "dropout": 0.0}
    years = [15.0, 25.0, 35.0, 45.0, 55.0, 70.0]
    config = Config("cnn", settings, list(GROUPS), 60, front_end, [-7.0] * 64, [2.5] * 64, years, 1.0, origin)
    save(fresh(config), config, MODEL)
    history = {"epoch": [0], "train_loss": [1.8], "val_loss": [1.7], "val_macro_recall": [0.2]}
    pd.DataFrame(history).to_csv(MODEL / "history.csv", index=False)


def write_metrics() -> None:
    """What evaluate says of the model at hand, as far as it is told elsewhere."""
    METRICS.parent.mkdir(parents=True, exist_ok=True)
    run = {"fingerprint": model_fingerprint(MODEL), "clips": 96, "speakers": 37}
    scores = {"leaks": False, "macro_recall": 0.5, "macro_recall_low": 0.4, "macro_recall_high": 0.6}
    METRICS.write_text(json.dumps(scores | {"run": run}), encoding="utf-8")


def write_project(front_end: FrontEnd) -> None:
    """Nothing of it is about another part."""
    name_corpus("data/raw/another.tar")
    write_split(seed=0)
    write_model(front_end, weights=0)
    write_metrics()


def name_corpus(corpus: str) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(yaml.safe_load(PARAMS) | {"corpus": corpus}), encoding="utf-8")
