"""Experiments: those of this commit, the best first, in the few columns that tell them apart.

What a row says of its run stands in the metrics of that run: in the workspace, as in a commit, params.yaml may have
been changed since. `dvc exp show` has every setting and score.
"""

import dvc.api
import pandas as pd

from pipeline.stage import run_stage

RUN = ("model", "fold", "seed", "epochs")  # as `evaluate` writes them


def table(shown: list[dict]) -> pd.DataFrame:
    """A row of text for each that has scores, out of what `dvc exp show` shows."""
    done = [row for row in shown if row.get("State") != "Running"]  # which has the scores of what it started from
    scored = [row for row in done if isinstance(row.get("macro_recall"), float)]  # DVC shows "!" for none
    best_first = sorted(scored, key=lambda row: -row["macro_recall"])
    return pd.DataFrame(
        {
            "experiment": row["Experiment"] or row["rev"],
            **{name: told(row.get(f"run.{name}")) for name in RUN},
            "macro recall": f"{row['macro_recall']:.3f}",
            "95 % interval": f"{row['macro_recall_low']:.3f} to {row['macro_recall_high']:.3f}",
        }
        for row in best_first
    )


def told(fact: str | float | None) -> str:
    """A fact as text; a dash where a run has none, as a split that is given has no fold."""
    if isinstance(fact, float):
        return f"{fact:.0f}"
    return "–" if fact in (None, "None") else fact


def main() -> None:
    rows = table(dvc.api.exp_show())
    print("experiments: none has scores yet: make exp MODEL=NAME" if rows.empty else rows.to_string(index=False))


if __name__ == "__main__":
    run_stage(main)
