"""Trial: one training run outside DVC and its predictions for the test clips; finished runs are not repeated."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from features.running.durable import written_whole
from features.store import Store
from models.judging.bootstrap import SpeakerBootstrap, interval
from models.judging.judged import Judged
from models.judging.scores import resampled_macro_recall
from pipeline.comparing.fold import learnt, with_whole_fold
from pipeline.params import Params
from pipeline.paths import FILTER_REPORT
from pipeline.running.code import code_of
from pipeline.running.output import read_json
from pipeline.split import grouped
from pipeline.splits.clips import judge_clips
from pipeline.stage import fingerprint

TRIALS = Path("data/trials")


def trial(params: Params, store: Store, manifest: pd.DataFrame, speakers: float = 1.0) -> pd.DataFrame:
    """All clips of the test fold: `speaker`, `target`, each group's probability; `epochs` and `seconds` of training,
    and `train_speakers`.

    `speakers` is the share of train's speakers used for training, the same in each group.
    """
    settings = params.split, params.train, params.filter.balance, params.model, params.architectures[params.model]
    code = code_of("train", model=params.model, features=params.features)
    mark = fingerprint(*settings[:2], settings[2:], store.folder / "index.parquet", speakers, *code)
    path = TRIALS / f"{mark}.parquet"
    if not path.is_file():
        with written_whole(path) as temporary:
            run(params, store, manifest, speakers).to_parquet(temporary, index=False)
    return pd.read_parquet(path)


def trials(
    folds: list[Params], model: str, seeds: int, store: Store, manifest: pd.DataFrame, speakers: float = 1.0
) -> list[list[pd.DataFrame]]:
    """An architecture's results in each fold, for each seed."""
    return [
        [
            trial(replace(each, model=model, train=replace(each.train, seed=seed)), store, manifest, speakers)
            for each in folds
        ]
        for seed in range(seeds)
    ]


def mean_of(runs: list[list[pd.DataFrame]], fact: str) -> float:
    """The mean of `epochs`, `seconds` or `train_speakers` over all trials."""
    return float(np.mean([part[fact].iloc[0] for parts in runs for part in parts]))


def run(params: Params, store: Store, manifest: pd.DataFrame, speakers: float) -> pd.DataFrame:
    rows = grouped(manifest, store.index, params.split)
    split = some_speakers(with_whole_fold(rows, params.split), speakers, params.split.seed)
    model, config, history = learnt(split, params, store)
    test = split[split["split"] == "test"]
    probabilities = judge_clips(test, model, config.frames, store, params.compute.device)
    return pd.DataFrame(probabilities, columns=config.groups).assign(
        speaker=test["speaker"].to_numpy(),
        target=test["group"].cat.codes.to_numpy("int64"),
        epochs=len(history.rows),
        seconds=sum(history.seconds),
        train_speakers=split["speaker"][split["split"] == "train"].nunique(),
    )


def some_speakers(split: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """The same split with this share of train's speakers, the same in each group."""
    train = split[split["split"] == "train"].drop_duplicates("speaker").sample(frac=1, random_state=seed)
    turn, count = train.groupby("group", observed=True).cumcount(), train["group"].map(train["group"].value_counts())
    left_out = train["speaker"][(turn >= share * count.astype(float)).to_numpy()]
    return split[(split["split"] != "train") | ~split["speaker"].isin(left_out)]


def pooled(parts: list[pd.DataFrame], groups: list[str]) -> Judged:
    rows = pd.concat(parts)
    return Judged(rows[groups].to_numpy(), rows["target"].to_numpy(), np.zeros(len(rows)), rows["speaker"].to_numpy())


def recall_of(parts: list[pd.DataFrame], groups: list[str]) -> np.ndarray:
    """Macro recall over pooled folds: as it is, then in each resample of their speakers. The same speakers get the same
    resamples, whatever judged them. Shape: (1 + resamples,).
    """
    judged = pooled(parts, groups)
    return resampled_macro_recall(judged, SpeakerBootstrap(judged.speakers))


def formatted(score: np.ndarray, sign: str = "") -> tuple[str, str]:
    """A score and its interval as text; `sign` is "+" for differences."""
    low, high = interval(score)
    return f"{score[0]:{sign}.3f}", f"{low:{sign}.3f} to {high:{sign}.3f}"


def folds_of(params: Params, folds: int, **changes: str) -> list[Params]:
    """The settings of each of the first folds; `changes` apply to the split."""
    return [replace(params, split=replace(params.split, fold=fold, **changes)) for fold in range(folds)]


def corpus_at_hand() -> str:
    """The name of the corpus that manifest and features were made from, whatever params.yaml names by now."""
    return read_json(FILTER_REPORT, dict, "corpus")["name"]
