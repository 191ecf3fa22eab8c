"""Audit: how well age can be guessed without listening, and whether the model does better."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.store import Store
from models.judging.baselines import from_bands, from_facts, from_shares
from models.judging.bootstrap import LEVEL, SpeakerBootstrap, interval
from models.judging.judged import Judged
from models.judging.scores import resampled_macro_recall

SHORTCUTS = ("duration", "silence ratio", "loudness", "sample rate", "locale", "gender")
TOGETHER = "all together"

MOST_CLIPS = 20_000  # clips of train, and of val, that baselines learn from, evenly over groups


def shortcut_facts(clips: pd.DataFrame, hop: float) -> pd.DataFrame:
    """What can be seen of a recording without listening, under the names of SHORTCUTS; `hop` in s."""
    facts = {
        "duration": clips["seconds"],
        "silence ratio": 1 - clips["frames"] * hop / clips["seconds"],
        "loudness": clips["loudness"],
        "sample rate": clips["sample_rate"].astype("str"),
        "locale": clips["locale"],
        "gender": clips["gender"],
    }
    return pd.DataFrame(facts)


@dataclass(frozen=True)
class Baselines:
    """The probabilities that each gives to the same clips. Shape: (clips, groups) each."""

    shortcuts: dict[str, np.ndarray]
    probabilities: dict[str, np.ndarray]  # of all others, and of the shortcuts together


def baselines_of(split: pd.DataFrame, hop: float, store: Store | None, seed: int = 0) -> Baselines:
    """The baselines on the test clips of a split; without a store there is one fewer."""
    parts = {name: sampled(split[split["split"] == name], seed) for name in ("train", "val")}
    parts["test"] = split[split["split"] == "test"]
    targets = {name: part["group"].cat.codes.to_numpy("int64") for name, part in parts.items()}
    facts = {name: shortcut_facts(part, hop) for name, part in parts.items()}
    groups = len(split["group"].cat.categories)
    everyone = {"train": split[split["split"] == "train"]["group"].cat.codes, "test": targets["test"]}
    shortcuts = {
        name: from_facts({part: rows[columns] for part, rows in facts.items()}, targets)
        for name, columns in {**{name: [name] for name in SHORTCUTS}, TOGETHER: list(SHORTCUTS)}.items()
    }
    probabilities = {
        "chance": np.full((len(parts["test"]), groups), 1 / groups),
        "majority": from_shares(everyone, groups),
        "shortcuts": shortcuts[TOGETHER],
    }
    if store:
        rows = {name: store.rows_of(part["key"]) for name, part in parts.items()}
        probabilities[title_of(store)] = from_bands(store, rows, targets)
    return Baselines(shortcuts, probabilities)


def title_of(store: Store) -> str:
    return f"mean and deviation of {'bands' if store.front_end.name == 'logmel' else 'values'}"


def pooled(parts: Sequence[Baselines]) -> Baselines:
    """The same baselines on the clips of all parts, in their order."""

    def together(tables: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}

    return Baselines(together([part.shortcuts for part in parts]), together([part.probabilities for part in parts]))


def sampled(clips: pd.DataFrame, seed: int) -> pd.DataFrame:
    """At most MOST_CLIPS clips, as evenly over groups as their sizes allow."""
    order = clips.sample(frac=1, random_state=seed)
    turn = order.groupby("group", observed=True).cumcount()
    return clips.loc[turn.sort_values(kind="stable").index[:MOST_CLIPS]].sort_index()


def audited(judged: Judged, shortcuts: dict[str, np.ndarray], bootstrap: SpeakerBootstrap) -> pd.DataFrame:
    """One row per shortcut: its macro recall on test, and whether it is clearly above chance.

    The intervals hold jointly at 95 % (Bonferroni): one in twenty single ones would rise above by chance.
    """
    level = 1 - (1 - LEVEL) / max(1, len(shortcuts))
    chance = 1 / judged.probabilities.shape[1]
    rows = []
    for name, probabilities in shortcuts.items():
        recall = resampled_macro_recall(replace(judged, probabilities=probabilities), bootstrap)
        low, high = interval(recall, level)
        rows.append(
            {"shortcut": name, "macro_recall": recall[0], "low": low, "high": high, "leaks_age": bool(low > chance)}
        )
    return pd.DataFrame(rows)


def compared(judged: Judged, baselines: dict[str, np.ndarray], bootstrap: SpeakerBootstrap) -> pd.DataFrame:
    """One row per baseline: its macro recall, the model's lead over it, and whether the model beats it.

    It does if the 95 % interval of the lead, from the same samples of speakers for both, lies above 0.
    """
    own = resampled_macro_recall(judged, bootstrap)
    rows = []
    for name, probabilities in baselines.items():
        recall = resampled_macro_recall(replace(judged, probabilities=probabilities), bootstrap)
        low, high = interval(recall)
        lead_low, lead_high = interval(own - recall)
        row = {"baseline": name, "macro_recall": recall[0], "low": low, "high": high}
        lead = {"lead": own[0] - recall[0], "lead_low": lead_low, "lead_high": lead_high, "beaten": lead_low > 0}
        rows.append(row | lead)
    return pd.DataFrame(rows)
