"""Fold: a model trained outside DVC on all folds but two, and what it says of every clip in the test fold."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from features.store import Store
from models.config import Config
from models.learning.classifier import Classifier, Normalised
from models.learning.training import History, fit
from pipeline.params import Params, Split
from pipeline.split import assign, split_of
from pipeline.train import build_seeded, configure, voice_data


def with_whole_fold(rows: pd.DataFrame, settings: Split) -> pd.DataFrame:
    """The split of the grouped clips `rows`, but that test has every clip of its fold, not a balanced choice of them:
    macro recall weighs groups alike anyway, and so rests on more speakers.
    """
    split = assign(rows, settings)
    in_group = rows[rows["group"].notna()]
    test = in_group.index[split_of(in_group, settings) == "test"]
    split.loc[test, "split"] = "test"
    return split[split["split"].notna()]


def learnt(split: pd.DataFrame, params: Params, store: Store) -> tuple[Normalised, Config, History]:
    """The model after training on a split, quietly. The temperature in its config is 1."""
    config = configure(params, store, split)
    model = build_seeded(config, params.train.seed)
    learner = Classifier(model, config.groups, params.train)
    with TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        voices = voice_data(store, split, params)
        history = fit(learner, voices, Path(folder), Path(folder) / "logs", params.compute, {})
    return model.eval(), config, history
