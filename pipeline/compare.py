"""Compare: trains architectures over folds and seeds as DVC experiments, and says which differences are real.

Finished runs are not repeated: a comparison that was stopped resumes where it was.
"""

import argparse
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import dvc.api
import numpy as np
import pandas as pd

from features.store import Store
from models.config import Config, config_of
from models.judging.bootstrap import LEVEL, SpeakerBootstrap, interval
from models.judging.judged import Judged
from models.judging.pictures import draw_comparison
from models.judging.scores import resampled_macro_recall
from models.learning.data import Windows
from models.learning.trained import fresh
from models.origin import Origin
from pipeline.comparing.mark import marks_of
from pipeline.comparing.speed import clips_per_second
from pipeline.evaluate import BASELINE
from pipeline.params import load_params
from pipeline.paths import COMPARISON, EFFORT, EVALUATION, FEATURES, MODEL
from pipeline.reports.markdown import render
from pipeline.running.aside import build_aside
from pipeline.splits.certificate import FOLDED
from pipeline.splits.clips import JUDGED_AT_ONCE
from pipeline.stage import UserError, fingerprint, run_stage

MAJORITY = f"{BASELINE}majority"  # no better than chance on balanced test clips
TIMED = 512  # clips on which the speed of inference is measured


@dataclass(frozen=True)
class ComparedRun:
    """One architecture on one fold with one seed; `mark` changes with everything else its scores may depend on."""

    model: str
    fold: int
    seed: int
    mark: str

    @property
    def name(self) -> str:
        return f"{self.model}-fold{self.fold}-seed{self.seed}-{self.mark}"

    @property
    def settings(self) -> list[str]:
        return [f"model={self.model}", f"split.fold={self.fold}", f"train.seed={self.seed}"]


def planned(models: list[str], folds: int, seeds: int) -> list[ComparedRun]:
    marks = marks_of(models)
    return [
        ComparedRun(model, fold, seed, marks[model])
        for fold, seed, model in product(range(folds), range(seeds), models)
    ]


def command(*words: str) -> str:
    """The standard output of a dvc command; its standard error is passed through."""
    line = [sys.executable, "-m", "dvc", *words]
    ran = subprocess.run(line, stdout=subprocess.PIPE, encoding="utf-8", errors="replace")  # noqa: S603
    if ran.returncode:
        raise UserError(f"dvc {' '.join(words)} failed")
    return ran.stdout


def finished() -> set[str]:
    return set(command("exp", "list", "--all-commits", "--names-only").split())


def waiting() -> set[str]:
    """The names of experiments that are queued or running."""
    rows = (line.split() for line in command("queue", "status").splitlines())
    return {row[1] for row in rows if row and row[-1] in ("Queued", "Running")}


def train_all(runs: list[ComparedRun]) -> None:
    """Raises UserError naming the runs that failed."""
    there = finished()
    todo = [run for run in runs if run.name not in there]
    print(f"compare: {len(runs)} runs, {len(runs) - len(todo)} already done", flush=True)
    if not todo:
        return
    in_queue = waiting()
    for run in todo:
        if run.name not in in_queue:
            settings = [word for setting in run.settings for word in ("-S", setting)]
            command("exp", "run", "--queue", "--allow-missing", "--name", run.name, *settings)
    subprocess.run([sys.executable, "-m", "dvc", "exp", "run", "--run-all", "--allow-missing"])
    failed = sorted({run.name for run in todo} - finished())
    if failed:
        raise UserError(f"{len(failed)} runs failed: {', '.join(failed)}; `dvc queue logs NAME` says why")


def read_from_run(path: Path, run: ComparedRun) -> bytes:
    return dvc.api.read(str(path), rev=run.name, mode="rb")


def predictions_of(run: ComparedRun) -> pd.DataFrame:
    table = pd.read_parquet(io.BytesIO(read_from_run(EVALUATION / "predictions.parquet", run)))
    return table.assign(fold=run.fold, seed=run.seed)


def judged_by_model(runs: list[ComparedRun]) -> dict[str, Judged]:
    """The predictions of each architecture and each baseline over all folds and seeds, on the same rows for all."""
    models = list(dict.fromkeys(run.model for run in runs))
    pooled = {model: pd.concat([predictions_of(run) for run in runs if run.model == model]) for model in models}
    keys = pooled[models[0]][["key", "fold", "seed"]]
    for model, rows in pooled.items():
        if not np.array_equal(rows[["key", "fold", "seed"]].to_numpy(), keys.to_numpy()):
            raise UserError(f"{model} and {models[0]} were tested on different clips")
    first = pooled[models[0]]
    groups = list(first["group"].cat.categories)
    targets, speakers = first["group"].cat.codes.to_numpy("int64"), first["speaker"].to_numpy()

    def judged(probabilities: np.ndarray) -> Judged:
        return Judged(probabilities, targets, np.zeros(len(targets)), speakers)

    baselines = {
        name: judged(np.eye(len(groups))[pd.Categorical(first[name], groups).codes])
        for name in first
        if name.startswith(BASELINE) and name != MAJORITY
    }
    return {model: judged(rows[groups].to_numpy()) for model, rows in pooled.items()} | baselines


def inference_speeds(configs: dict[str, Config]) -> dict[str, float]:
    """Clips per second of each architecture on this machine's CPU, measured in turns."""
    store = Store(FEATURES)
    rows = np.linspace(0, len(store) - 1, min(TIMED, len(store))).astype(int)
    return clips_per_second(
        {name: fresh(config) for name, config in configs.items()},
        {
            name: Windows(store, rows, np.arange(len(rows)), config.frames, JUDGED_AT_ONCE)
            for name, config in configs.items()
        },
        len(rows),
    )


def compared_table(runs: list[ComparedRun], configs: dict[str, Config], recalls: dict[str, np.ndarray]) -> pd.DataFrame:
    """One row per architecture and baseline, best first."""
    efforts = pd.DataFrame([json.loads(read_from_run(EFFORT, run)) | {"model": run.model} for run in runs])
    effort = efforts.groupby("model")[["parameters", "train_seconds", "epochs"]].mean()
    speeds = inference_speeds(configs)
    rows = []
    for name, recall in recalls.items():
        low, high = interval(recall)
        row = {"model": name, "macro_recall": recall[0], "low": low, "high": high}
        if name in effort.index:
            row |= effort.loc[name].to_dict() | {"clips_per_second": speeds[name]}
        rows.append(row)
    return pd.DataFrame(rows).sort_values("macro_recall", ascending=False, ignore_index=True)


def differences_table(recalls: dict[str, np.ndarray], order: list[str]) -> pd.DataFrame:
    """One row per pair, the better one first: the difference over the same samples of speakers, and whether it is real.

    It is real if its interval lies above 0. The intervals of all pairs hold jointly at 95 % (Bonferroni).
    """
    pairs = list(combinations(order, 2))
    level = 1 - (1 - LEVEL) / len(pairs)
    rows = []
    for better, worse in pairs:
        difference = recalls[better] - recalls[worse]
        low, high = interval(difference, level)
        row = {"better": better, "worse": worse, "difference": difference[0], "low": low, "high": high}
        rows.append(row | {"is_real": low > 0})
    return pd.DataFrame(rows)


def comparison_page(
    origin: Origin, runs: list[ComparedRun], judged: Judged, table: pd.DataFrame, differences: pd.DataFrame
) -> str:
    """The comparison as Markdown; every run has the corpus and split of `origin`."""
    seeds = len({run.seed for run in runs})
    return render(
        "comparing/comparison",
        corpus=origin.corpus,
        split=origin.split,
        folds=len({run.fold for run in runs}),
        seeds=seeds,
        clips=len(judged.targets) // seeds,
        speakers=len(set(judged.speakers)),
        chance=1 / judged.probabilities.shape[1],
        table=table.to_dict("records"),
        differences=differences.to_dict("records"),
    )


def main() -> None:
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(params.architectures), metavar="NAME")
    parser.add_argument("--folds", type=int, default=3, help="how many of split.folds, starting with the first (3)")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, starting with 0 (1)")
    chosen = parser.parse_args()
    for name in chosen.models:
        if name not in params.architectures:
            raise UserError(f"there is no model '{name}': allowed are {', '.join(params.architectures)}")
    if not 1 <= chosen.folds <= params.split.folds:
        raise UserError(f"--folds is {chosen.folds}: allowed are 1 to {params.split.folds} (split.folds)")
    if chosen.seeds < 1:
        raise UserError(f"--seeds is {chosen.seeds}: it must be 1 or more")
    command("repro", "--allow-missing", "--quiet", "decode")  # first: marks include DVC's hashes of the data
    runs = planned(chosen.models, chosen.folds if params.split.by in FOLDED else 1, chosen.seeds)
    train_all(runs)
    judged = judged_by_model(runs)
    bootstrap = SpeakerBootstrap(judged[chosen.models[0]].speakers)
    recalls = {name: resampled_macro_recall(each, bootstrap) for name, each in judged.items()}
    configs = {run.model: config_of(read_from_run(MODEL / "config.json", run)) for run in runs}
    table = compared_table(runs, configs, recalls)
    differences = differences_table(recalls, list(table["model"]))
    first = judged[chosen.models[0]]
    text = comparison_page(configs[chosen.models[0]].origin, runs, first, table, differences)
    with build_aside(COMPARISON, fingerprint([run.name for run in runs])) as partial:
        table.to_csv(partial / "compare.csv", index=False)
        differences.to_csv(partial / "differences.csv", index=False)
        draw_comparison(table, 1 / first.probabilities.shape[1], partial / "compare.png")
        (partial / "README.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    run_stage(main)
