"""Experiments: lists those of this commit, best first, in the few columns that tell them apart.

Each row comes from the metrics of its run: in the workspace, as in a commit, params.yaml may have changed since then.
`dvc exp show` has every setting and score.
"""

import dvc.api
import pandas as pd

from pipeline.stage import run_stage

RUN = ("model", "features", "fold", "seed", "epochs")  # as `evaluate` writes them


def table(shown: list[dict]) -> pd.DataFrame:
    """One row of text per experiment that has scores, from the rows of `dvc exp show`."""
    done = [row for row in shown if row.get("State") != "Running"]  # it has those it started from
    scored = [row for row in done if isinstance(row.get("macro_recall"), float)]  # "!" if missing
    best_first = sorted(scored, key=lambda row: -row["macro_recall"])
    return pd.DataFrame(
        {
            "experiment": row["Experiment"] or row["rev"],
            **{name: as_text(row.get(f"run.{name}")) for name in RUN},
            "macro recall": f"{row['macro_recall']:.3f}",
            "95 % interval": f"{row['macro_recall_low']:.3f} to {row['macro_recall_high']:.3f}",
        }
        for row in best_first
    )


def as_text(fact: str | float | None) -> str:
    """A fact as text, or a dash if the run has none: a given split, for example, has no fold."""
    if isinstance(fact, float):
        return f"{fact:.0f}"
    return "–" if fact in (None, "None") else fact


def main() -> None:
    rows = table(dvc.api.exp_show())
    print("experiments: none has scores yet: run make exp MODEL=NAME" if rows.empty else rows.to_string(index=False))


if __name__ == "__main__":
    run_stage(main)
