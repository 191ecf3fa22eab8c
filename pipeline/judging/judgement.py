"""Judgement: what a finished model's answers on a corpus that it has never met are worth, as tables and metrics."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from models.calibration import reliability
from models.config import Config
from pipeline.judging.anew import fitted_anew
from pipeline.reports.audit import Baselines
from pipeline.reports.report import Report, calibration_of, report_of

AS_IT_IS, ANEW = "as it is", "fitted anew"  # the temperature; see anew.py


def judgement_on(clips: pd.DataFrame, raw: np.ndarray, config: Config) -> Report:
    """The report on clips of strangers; `raw` are the probabilities before the temperature, (clips, groups)."""
    report = report_of(clips, raw, config, untrained(clips["group"]), np.zeros(len(clips), bool))
    judged = report.judged
    anew = fitted_anew(raw, judged.targets, judged.speakers)
    tables = {AS_IT_IS: judged.probabilities, ANEW: anew.probabilities}
    parts = [reliability(each, judged.targets).assign(temperature=name) for name, each in tables.items()]
    calibration = calibration_of(anew.probabilities, judged, config)
    return replace(
        report,
        tables=report.tables | {"reliability": pd.concat(parts, ignore_index=True)},
        metrics=report.metrics | {"fitted_anew": {"temperatures": anew.temperatures, **calibration}},
    )


def untrained(group: pd.Series) -> Baselines:
    """What needs no training: any of the groups that occur, and the largest."""
    shares = group.value_counts(normalize=True, sort=False).to_numpy()
    answers = {"chance": (shares > 0) / (shares > 0).sum(), "majority": shares}
    return Baselines({}, {name: np.tile(each, (len(group), 1)) for name, each in answers.items()})


def with_null(value: Any) -> Any:
    """The same, but that what does not exist, such as the recall of a group without clips, is null in JSON."""
    if isinstance(value, dict):
        return {name: with_null(each) for name, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
