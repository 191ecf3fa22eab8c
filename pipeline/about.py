"""About: the little that is told of a model where it is used: what it learnt from, and its score on test."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.stage import UserError

ABOUT = "about.json"


@dataclass(frozen=True)
class About:
    corpus: str
    is_synthetic: bool
    leaks: bool  # speakers stood in train and in test
    clips: int  # of test
    speakers: int
    macro_recall: float
    macro_recall_low: float  # of the 95 % interval
    macro_recall_high: float
    unsure: float  # probability under which no group is named


def write_about(about: About, folder: Path) -> None:
    (folder / ABOUT).write_text(json.dumps(asdict(about), indent=2) + "\n", encoding="utf-8")


def read_about(folder: Path) -> About | None:
    """What was exported with the model in `folder`, if it was exported. Raises UserError for a damaged file."""
    path = folder / ABOUT
    if not path.is_file():
        return None
    try:
        return About(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged: {error}") from None
