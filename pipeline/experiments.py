"""Experiments: those of this commit, the best first, in the few columns that tell them apart.

`dvc exp show` has every setting and score.
"""

import dvc.api
import pandas as pd

from pipeline.stage import run_stage


def table(shown: list[dict]) -> pd.DataFrame:
    """A row of text for each that has scores, out of what `dvc exp show` shows."""
    done = [row for row in shown if row.get("State") != "Running"]  # which has the scores of what it started from
    scored = [row for row in done if isinstance(row.get("macro_recall"), float)]  # DVC shows "!" for none
    best_first = sorted(scored, key=lambda row: -row["macro_recall"])
    return pd.DataFrame(
        {
            "experiment": row["Experiment"] or row["rev"],
            "model": row["model"],
            "fold": f"{row['split.fold']:.0f}",
            "seed": f"{row['train.seed']:.0f}",
            "macro recall": f"{row['macro_recall']:.3f}",
            "95 % interval": f"{row['macro_recall_low']:.3f} to {row['macro_recall_high']:.3f}",
            "epochs": f"{row['epochs']:.0f}",
        }
        for row in best_first
    )


def main() -> None:
    rows = table(dvc.api.exp_show())
    print("experiments: none has scores yet: make exp MODEL=NAME" if rows.empty else rows.to_string(index=False))


if __name__ == "__main__":
    run_stage(main)
