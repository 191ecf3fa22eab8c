from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.judging.bootstrap import SpeakerBootstrap
from models.judging.judged import Judged
from pipeline.reports.audit import SHORTCUTS, TOGETHER, audited, baselines_of, compared, sampled

GROUPS = ["young", "middle", "old"]


def release(leak: float = 0.0, seed: int = 0, speakers: int = 400) -> pd.DataFrame:
    """Clips that say nothing of age, but for a locale that tells it with the probability `leak`."""
    random = np.random.default_rng(seed)
    group = np.arange(speakers) % 3
    tells = random.random(speakers) < leak
    rows = pd.DataFrame(
        {
            "speaker": [f"{number:04d}" for number in range(speakers)],
            "group": pd.Categorical.from_codes(group, GROUPS),
            "split": random.choice(["train", "val", "test"], speakers, p=[0.5, 0.2, 0.3]),
            "gender": random.choice(["male", "female", ""], speakers),
            "locale": [f"l{number}" for number in np.where(tells, group, random.integers(3, size=speakers))],
            "seconds": random.uniform(2, 9, speakers),
            "sample_rate": random.choice([32000, 48000], speakers),
            "loudness": random.normal(-20, 3, speakers),
        }
    )
    rows["frames"] = (rows["seconds"] * 80).astype(int)
    return rows.loc[rows.index.repeat(random.integers(1, 4, speakers))].reset_index(drop=True)


def audit(split: pd.DataFrame) -> pd.DataFrame:
    test = split[split["split"] == "test"]
    shortcuts = baselines_of(split, 0.01, None).shortcuts
    speakers = test["speaker"].to_numpy()
    judged = Judged(shortcuts[TOGETHER], test["group"].cat.codes.to_numpy(), np.zeros(len(test)), speakers)
    return audited(judged, shortcuts, SpeakerBootstrap(speakers)).set_index("shortcut")


def test_a_planted_shortcut_is_found_and_named():
    table = audit(release(leak=0.6))
    assert table.loc["locale", "leaks_age"]
    assert table.loc[TOGETHER, "leaks_age"]
    assert table.loc["locale", "macro_recall"] == pytest.approx(0.6 + 0.4 / 3, abs=0.1)
    assert not table["leaks_age"].drop(["locale", TOGETHER]).any()


def test_where_there_is_no_shortcut_the_audit_is_quiet():
    alarms = [audit(release(seed=seed))["leaks_age"].any() for seed in range(10)]
    assert sum(alarms) <= 1


def test_every_shortcut_is_audited():
    assert audit(release()).index.tolist() == [*SHORTCUTS, TOGETHER]


def test_who_beats_whom_is_decided_on_the_same_speakers():
    random = np.random.default_rng(0)
    true, speakers = np.arange(300) % 3, np.arange(300) // 2
    hard = random.random(300)  # as hard for one as for the other
    judged = Judged(np.eye(3)[np.where(hard < 0.70, true, (true + 1) % 3)], true, np.zeros(300), speakers)
    near, same = np.eye(3)[np.where(hard < 0.62, true, (true + 1) % 3)], judged.probabilities
    table = compared(judged, {"a little worse": near, "the same": same}, SpeakerBootstrap(speakers)).set_index(
        "baseline"
    )
    assert table.loc["a little worse", "beaten"]
    assert table.loc["a little worse", "low"] < table.loc["a little worse", "macro_recall"] < judged_recall(judged)
    assert not table.loc["the same", "beaten"]
    worse = compared(replace(judged, probabilities=near), {"better": same}, SpeakerBootstrap(speakers))
    assert not worse["beaten"].any()


def judged_recall(judged: Judged) -> float:
    return np.mean([(judged.predicted == group)[judged.targets == group].mean() for group in range(3)])


def test_baselines_learn_from_an_even_part_of_a_large_train_split(monkeypatch):
    monkeypatch.setattr("pipeline.reports.audit.MOST_CLIPS", 90)
    clips = release()[lambda rows: rows["group"] != "old"]
    few_old = pd.concat([clips, release()[lambda rows: rows["group"] == "old"][:10]])
    some = sampled(few_old, 0)
    assert some["group"].value_counts().to_dict() == {"young": 40, "middle": 40, "old": 10}
    assert some.index.is_monotonic_increasing
