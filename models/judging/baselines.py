"""Baselines: what any model must beat, on the same clips."""

import warnings

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from features.store import Store

STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # inverse penalties on weights; val chooses one
TENTHS = np.linspace(0.1, 0.9, 9)

OfSplits = dict[str, np.ndarray]  # something about each clip, under train, val and test


def from_shares(targets: OfSplits, groups: int) -> np.ndarray:
    """The shares of the groups in train, for every test clip: the majority wins. Shape: test (clips, groups)."""
    shares = np.bincount(targets["train"], minlength=groups) / len(targets["train"])
    return np.tile(shares, (len(targets["test"]), 1))


def from_bands(store: Store, rows: OfSplits, targets: OfSplits) -> np.ndarray:
    """Logistic regression on the mean and the deviation of each mel band of a clip. Shape: test (clips, groups)."""
    features = {name: np.stack([bands_of(store.clip(row)) for row in part]) for name, part in rows.items()}
    return regressed(StandardScaler(), features, targets)


def bands_of(clip: np.ndarray) -> np.ndarray:
    """Shape: (frames, values) → (2 × values,)."""
    values = clip.astype(np.float32)
    return np.concatenate([values.mean(axis=0), values.std(axis=0)])


def from_facts(facts: dict[str, pd.DataFrame], targets: OfSplits) -> np.ndarray:
    """Logistic regression on what is known about a clip without its sound: numbers as tenths of train, words as they
    are.

    `facts` has a row for each clip under train, val and test. Shape: test (clips, groups).
    """
    edges = facts["train"].select_dtypes("number").quantile(TENTHS)

    def words_of(rows: pd.DataFrame) -> np.ndarray:
        tenths = {name: np.searchsorted(edges[name], rows[name]).astype(str) for name in edges}
        return rows.assign(**tenths).astype("object").to_numpy()

    words = {part: words_of(rows) for part, rows in facts.items()}
    return regressed(OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5), words, targets)


def regressed(preparation: OneHotEncoder | StandardScaler, features: OfSplits, targets: OfSplits) -> np.ndarray:
    """Groups count equally, however many clips they have; the penalty is the one with the lowest loss on val."""

    def fitted(strength: float) -> Pipeline:
        regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=300)
        return make_pipeline(preparation, regression).fit(features["train"], targets["train"])

    def loss(model: Pipeline) -> float:
        return log_loss(targets["val"], model.predict_proba(features["val"]), labels=model.classes_)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # close enough for a baseline
        return min(map(fitted, STRENGTHS), key=loss).predict_proba(features["test"])
