"""Pretrained: a small model of all labelled clips of a corpus, to keep with the project, with scores from folds.

It is `linear` on `dvector`. A plain command, not a stage: python -m pipeline.pretrained CORPUS.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from features.store import Store
from models.calibration import fit_temperature
from models.config import Config
from models.exported import write_onnx
from models.learning.classifier import Normalised
from models.learning.trained import write_config
from models.origin import CorpusFacts, Origin, SplitFacts
from pipeline.comparing.fold import learnt, with_whole_fold
from pipeline.corpus.prepared import changed, prepare
from pipeline.params import Params, load_params, read_settings
from pipeline.paths import CARD, FEATURES, FILTER_REPORT, MANIFEST, PARTIAL, PRETRAINED
from pipeline.reports.about import About, write_about
from pipeline.reports.audit import Baselines, baselines_of, pooled
from pipeline.reports.markdown import render
from pipeline.reports.model_card import SCORES
from pipeline.reports.report import Report, report_of
from pipeline.running.aside import build_aside
from pipeline.running.output import read_json
from pipeline.split import grouped
from pipeline.splits.clips import judge_clips
from pipeline.splits.heard import write_heard
from pipeline.stage import UserError, fingerprint, run_stage

SETTINGS = {
    "features": "dvector",
    "model": "linear",
    "filter": {"balance": "keep", "conflict": "keep", "repeats": "keep", "clips_per_speaker": 5},
    "split": {"folds": 5, "clips_per_speaker": 5},
}
DEALS = {"speaker": 5, "locale": 1}  # of each over the folds; locales can be dealt in one way
ANSWERED = 0.5  # share of recordings for which a group is named: those of which the model is surest


@dataclass(frozen=True)
class Tested:
    """Every clip, judged by models that have not heard its speaker: once in each deal."""

    clips: pd.DataFrame
    raw: np.ndarray  # probabilities before the temperature, (clips, groups)
    baselines: Baselines


def dealt(params: Params, by: str) -> Iterator[Params]:
    """The settings of each fold in each deal."""
    for seed in range(DEALS[by]):
        for fold in range(params.split.folds):
            yield replace(params, split=replace(params.split, by=by, seed=seed, fold=fold))


def tested(params: Params, manifest: pd.DataFrame, store: Store, by: str) -> Tested:
    """The clips judged over folds of speakers or locales."""
    clips, raw, baselines = [], [], []
    for each in dealt(params, by):
        split = with_whole_fold(grouped(manifest, store.index, each.split), each.split)
        model, config, _ = learnt(split, each, store)
        test = split[split["split"] == "test"]
        clips.append(test)
        raw.append(judge_clips(test, model, config.frames, store, each.compute.device))
        baselines.append(baselines_of(split, store.front_end.hop, None))
        print(f"pretrained: by {by}, deal {each.split.seed}, fold {each.split.fold} of {each.split.folds}", flush=True)
    return Tested(pd.concat(clips, ignore_index=True), np.concatenate(raw), pooled(baselines))


def learnt_from_all(params: Params, manifest: pd.DataFrame, store: Store) -> tuple[Normalised, Config, pd.DataFrame]:
    """The model of all clips, and the clips. They stand for val too: with `monitor: epoch`, nothing depends on it."""
    clips = grouped(manifest, store.index, params.split)
    clips = clips[clips["group"].notna()]
    split = pd.concat([clips.assign(split=name) for name in ("train", "val")])
    model, config, _ = learnt(split, params, store)
    return model, config, clips


def origin_of(params: Params, clips: pd.DataFrame, corpus: CorpusFacts) -> Origin:
    keys = fingerprint(clips["key"].tolist())
    return Origin(corpus, SplitFacts("all clips", params.split.seed, params.split.groups, keys), params.train)


def about_of(corpus: CorpusFacts, report: Report, clips: pd.DataFrame) -> About:
    scores = report.metrics
    return About(
        corpus=corpus.name,
        is_synthetic=corpus.is_synthetic,
        leaks=False,
        clips=len(clips),
        speakers=clips["speaker"].nunique(),
        macro_recall=scores["macro_recall"],
        macro_recall_low=scores["macro_recall_low"],
        macro_recall_high=scores["macro_recall_high"],
        unsure=round(float(np.quantile(report.judged.probabilities.max(axis=1), 1 - ANSWERED)), 3),
    )


def answered(report: Report, unsure: float) -> dict[str, float]:
    """How often a group is named, and how often it is then right, in macro recall over the groups."""
    named = report.judged.probabilities.max(axis=1) >= unsure
    right = report.judged.predicted[named] == report.judged.targets[named]
    return {
        "share": float(named.mean()),
        "macro_recall": float(pd.Series(right).groupby(report.judged.targets[named]).mean().mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="a release, as `corpus` in params.yaml names one")
    parser.add_argument("--out", type=Path, default=PRETRAINED, metavar="DIR", help="default: %(default)s")
    chosen = parser.parse_args()
    if not chosen.corpus.exists():
        raise UserError(f"there is no {chosen.corpus}")
    replace(load_params(), features=SETTINGS["features"]).front_end()  # it is told at once if its encoder is missing
    PARTIAL.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=PARTIAL) as folder, build_aside(chosen.out, "pretrained") as partial:
        prepare(chosen.corpus, changed(read_settings(), SETTINGS), Path(folder))
        build(Path(folder), partial)
    for path in sorted(chosen.out.iterdir()):
        print(f"{path}: {path.stat().st_size:,} bytes")


def build(prepared: Path, out: Path) -> None:
    params, store = load_params(prepared / "params.yaml"), Store(prepared / FEATURES)
    manifest = pd.read_parquet(prepared / MANIFEST)
    corpus = read_json(prepared / FILTER_REPORT, CorpusFacts, "corpus")
    tests = {by: tested(params, manifest, store, by) for by in DEALS}
    model, config, clips = learnt_from_all(params, manifest, store)
    targets = tests["speaker"].clips["group"].cat.codes.to_numpy("int64")
    config = replace(
        config,
        temperature=fit_temperature(tests["speaker"].raw, targets),
        origin=origin_of(params, clips, corpus),
    )
    reports = {
        by: report_of(each.clips, each.raw, config, each.baselines, np.zeros(len(each.clips), bool))
        for by, each in tests.items()
    }
    about = about_of(corpus, reports["speaker"], clips)
    write_onnx(model, np.zeros((2, config.frames, config.front_end.values), np.float16), out)
    write_config(config, out)
    write_about(about, out)
    write_heard(clips["speaker"], out)
    card = render(
        "comparing/pretrained",
        config=config,
        about=about,
        clips=clips,
        folds=params.split.folds,
        deals=DEALS,
        reports=reports,
        scores=side_by_side(reports, "scores", "score"),
        recalls=side_by_side(reports, "recall", "group"),
        names=SCORES,
        answered=answered(reports["speaker"], about.unsure),
        out=PRETRAINED,
    )
    (out / CARD.name).write_text(card, encoding="utf-8")


def side_by_side(reports: dict[str, Report], table: str, key: str) -> dict[str, dict[str, dict]]:
    """The rows of this table, by clip: under the value of `key`, one for each report."""
    tables = {by: report.tables[table].query("level == 'clip'").set_index(key) for by, report in reports.items()}
    rows = {by: each.to_dict("index") for by, each in tables.items()}
    return {name: {by: each[name] for by, each in rows.items()} for name in tables["speaker"].index}


if __name__ == "__main__":
    run_stage(main)
