"""About: the facts shown beside a model: training corpus and test score."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from models.config import read_origin
from pipeline.params import Count, Share
from pipeline.paths import METRICS
from pipeline.running.output import read_json
from pipeline.stage import fingerprint

ABOUT = "about.json"


@dataclass(frozen=True)
class About:
    corpus: str
    is_synthetic: bool
    leaks: bool | None  # speakers were in both train and test; None, like the next five, if no test is known
    clips: Count | None  # of test
    speakers: Count | None
    macro_recall: Share | None
    macro_recall_low: Share | None  # of the 95 % interval
    macro_recall_high: Share | None
    unsure: Share  # below this probability no group is named


@dataclass(frozen=True)
class TestedRun:
    """The run that METRICS describe."""

    fingerprint: str  # of its model
    clips: int  # of test
    speakers: int


@dataclass(frozen=True)
class Metrics:
    """The part of METRICS that is shown beside the model."""

    leaks: bool
    macro_recall: float
    macro_recall_low: float
    macro_recall_high: float
    run: TestedRun


def model_fingerprint(folder: Path) -> str:
    """16 hex digits that identify the trained model in `folder`."""
    return fingerprint(folder / "model.pth", folder / "config.json")


def tested(folder: Path) -> Metrics | None:
    """The test results of the model in `folder`; None if METRICS are missing or describe another model."""
    if not METRICS.is_file() or not (folder / "model.pth").is_file():
        return None
    metrics = read_json(METRICS, Metrics)
    return metrics if metrics.run.fingerprint == model_fingerprint(folder) else None


def about_trained(folder: Path, unsure: float) -> About:
    """What the stages have found out about the model in `folder`.

    Raises ModelError if it does not say what it was trained on.
    """
    corpus, metrics = read_origin(folder).corpus, tested(folder)
    return About(
        corpus=corpus.name,
        is_synthetic=corpus.is_synthetic,
        leaks=metrics and metrics.leaks,
        clips=metrics and metrics.run.clips,
        speakers=metrics and metrics.run.speakers,
        macro_recall=metrics and metrics.macro_recall,
        macro_recall_low=metrics and metrics.macro_recall_low,
        macro_recall_high=metrics and metrics.macro_recall_high,
        unsure=unsure,
    )


def write_about(about: About, folder: Path) -> None:
    (folder / ABOUT).write_text(json.dumps(asdict(about), indent=2) + "\n", encoding="utf-8")


def read_about(folder: Path) -> About | None:
    """The facts exported with the model in `folder`, if it was exported. Raises UserError for a damaged file."""
    path = folder / ABOUT
    return read_json(path, About, remedy="export the model again") if path.is_file() else None
