"""Folder: what a judgement leaves behind: card, metrics, tables, predictions, pictures."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from models.judging.pictures import draw_reliability
from models.origin import CorpusFacts
from pipeline.evaluate import draw_answers, predictions_table
from pipeline.judging.candidate import Candidate
from pipeline.judging.judgement import ANEW, AS_IT_IS, with_null
from pipeline.judging.strangers import Acquaintance
from pipeline.params import load_params
from pipeline.paths import CARD, FILTER_REPORT, METRICS, REJECTS
from pipeline.reports.markdown import render
from pipeline.reports.model_card import SCORES
from pipeline.reports.report import Report
from pipeline.running.output import read_csv, read_json
from pipeline.stage import UserError

TABLES = ("scores", "recall", "breakdown", "reliability", "confusion")
PICTURES = ("confusion", "errors", "recall", "reliability")
PREDICTIONS = "predictions.parquet"
FILES = [
    *(CARD.name, METRICS.name, PREDICTIONS),
    *(f"{name}.csv" for name in TABLES),
    *(f"{name}.png" for name in PICTURES),
]
LEGEND = {AS_IT_IS: "with the model's own temperature", ANEW: "with one fitted on other people of this corpus"}


def check_out(out: Path) -> None:
    """Raises UserError for a folder with anything that a judgement has not, since it would be replaced."""
    others = sorted({path.name for path in out.iterdir()} - {*FILES}) if out.is_dir() else []
    if others:
        raise UserError(f"--out is {out}, which holds {others[0]}: name a new folder, or one that judge has made")


def write_judgement(
    report: Report, clips: pd.DataFrame, candidate: Candidate, prepared: Path, met: Acquaintance, folder: Path
) -> None:
    """Write FILES into `folder`; `prepared` is where the corpus was read and decoded."""
    groups = candidate.config.groups
    corpus = read_json(prepared / FILTER_REPORT, CorpusFacts, "corpus")
    metrics = metrics_of(report, clips, candidate, corpus, met)
    (folder / METRICS.name).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    predictions_table(clips, report, groups).to_parquet(folder / PREDICTIONS, index=False)
    for name in TABLES:
        report.tables[name].to_csv(folder / f"{name}.csv", index=False)
    draw_answers(report, groups, folder)
    draw_reliability(report.tables["reliability"], folder / "reliability.png", LEGEND)
    card = render(
        "judging/judged",
        model=candidate,
        config=candidate.config,
        about=candidate.about,
        corpus=corpus,
        account=read_json(prepared / FILTER_REPORT, dict),
        rejects=read_csv(prepared / REJECTS, ["reason"])["reason"].value_counts().to_dict(),
        met=met,
        groups=groups_table(report, clips).to_dict("records"),
        most=load_params(prepared / "params.yaml").filter.clips_per_speaker,
        metrics=metrics,
        uniform=math.log(len(groups)),
        names=SCORES,
        **{name: table.to_dict("records") for name, table in report.tables.items()},
    )
    (folder / CARD.name).write_text(card, encoding="utf-8")


def metrics_of(
    report: Report, clips: pd.DataFrame, candidate: Candidate, corpus: CorpusFacts, met: Acquaintance
) -> dict:
    """The scores, under the names that they have in an evaluation, and whose they are."""
    run = {
        "model": candidate.config.architecture,
        "features": candidate.front_end.name,
        "fingerprint": candidate.fingerprint,
        "clips": len(clips),
        "speakers": clips["speaker"].nunique(),
    }
    return with_null(report.metrics | {"run": run, "corpus": asdict(corpus), "learnt_from": asdict(met)})


def groups_table(report: Report, clips: pd.DataFrame) -> pd.DataFrame:
    """`group`, `clips`, `speakers`, `recall`, `low`, `high` of each of the model's groups, by clip."""
    heard = clips.groupby("group", observed=False)["speaker"].agg(clips="size", speakers="nunique").reset_index()
    recall = report.tables["recall"].query("level == 'clip'")
    return heard.astype({"group": "str"}).merge(recall.drop(columns="level"), on="group")
