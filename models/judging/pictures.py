"""Pictures: figures that show how a model does."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SCALINGS = {"after": "after scaling", "before": "before scaling"}
MAIN, SECOND, QUIET = "#01665e", "#bf812d", "#9a9a9a"  # also differ in grey


@contextmanager
def picture(path: Path, width: float = 6, height: float = 4) -> Iterator[Axes]:
    """Axes of a figure that is written to `path` when the block ends; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    yield axes
    figure.savefig(path, dpi=150, metadata={"Software": None})


def confusion_figure(counts: np.ndarray, groups: Sequence[str], title: str) -> Figure:
    """Counts (groups, groups), a row for each true group: shares of the row as colour, shares and counts as text.

    Macro recall and chance are those of the groups that occur.
    """
    occurs = counts.sum(axis=1) > 0
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(2.2 + 0.85 * len(groups), 1.8 + 0.75 * len(groups)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{share:.0%}\n({counts[row, column]:,})" if occurs[row] else "–"
        axes.text(column, row, text, ha="center", va="center", color="white" if share > 0.5 else "black", fontsize=9)
    recall = np.diag(shares)[occurs].mean()
    axes.set_title(f"{title}: macro recall {recall:.1%}, chance {1 / occurs.sum():.1%}")
    axes.set_xticks(range(len(groups)), groups, rotation=30, ha="right")
    axes.set_yticks(range(len(groups)), groups)
    axes.set_xlabel("judged")
    axes.set_ylabel("true")
    figure.colorbar(image, ax=axes, label="share of the true group", format="{x:.0%}", shrink=0.85)
    return figure


def logmel_figure(logmel: np.ndarray, title: str) -> Figure:
    """A window of features (frames, values)."""
    figure = Figure(figsize=(5, 2.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(logmel.T, origin="lower", aspect="auto", cmap="magma")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("frame")
    axes.set_ylabel("mel band")
    return figure


def draw_confusion(counts: np.ndarray, groups: Sequence[str], path: Path) -> None:
    confusion_figure(counts, groups, "Test clips").savefig(path, dpi=150, metadata={"Software": None})


def draw_history(history: pd.DataFrame, kept: int, path: Path) -> None:
    """Draw the loss of train and val, and val's macro recall, by epoch; a line at the epoch that was kept."""
    with picture(path, 7, 4) as axes:
        axes.plot(history["epoch"], history["train_loss"], color=QUIET, label="loss, train")
        axes.plot(history["epoch"], history["val_loss"], color=MAIN, label="loss, val")
        axes.set_xlabel("epoch")
        axes.set_ylabel("cross-entropy (nats)")
        axes.set_ylim(0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        right = axes.twinx()
        right.spines["top"].set_visible(False)
        right.plot(
            history["epoch"], history["val_macro_recall"], color=SECOND, dashes=(5, 2), label="macro recall, val"
        )
        right.set_ylabel("macro recall")
        right.set_ylim(0, 1)
        axes.axvline(kept, color="black", linewidth=0.8, dashes=(1, 2))
        axes.set_title(f"Training: epoch {kept} was kept")
        axes.figure.legend(loc="outside lower center", ncols=3, frameon=False)


def draw_reliability(table: pd.DataFrame, path: Path, labels: Mapping[str, str] = SCALINGS) -> None:
    """Draw accuracy over confidence; `table` is as from `reliability`, with `temperature`, either of the `labels`."""
    with picture(path, 5.2, 5.2) as axes:
        axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, dashes=(1, 2), label="ideal")
        for (name, label), colour, marker in zip(labels.items(), (MAIN, QUIET), "os", strict=True):
            part = table[table["temperature"] == name]
            size = 12 + 250 * part["clips"] / table["clips"].max()
            style = {"marker": marker, "alpha": 0.75, "clip_on": False, "label": label}
            axes.scatter(part["confidence"], part["accuracy"], size, colour, **style)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_aspect("equal")
        axes.set_xlabel("confidence: probability of the predicted group")
        axes.set_ylabel("share of clips judged right")
        axes.set_title("Reliability on test (areas: clips)")
        legend = axes.legend(loc="upper left", frameon=False)
        for handle in legend.legend_handles[1:]:
            handle.set_sizes([40])


def draw_recall(table: pd.DataFrame, path: Path) -> None:
    """Draw `recall` with `low` and `high` for each `group`, at `level` clip and speaker."""
    groups = list(table["group"].unique())
    with picture(path, 2.5 + 0.9 * len(groups), 4) as axes:
        for (level, part), shift, colour, marker in zip(
            table.groupby("level"), (-0.1, 0.1), (MAIN, SECOND), "os", strict=True
        ):
            reach = np.abs(part[["low", "high"]].to_numpy().T - part["recall"].to_numpy())
            places = np.arange(len(groups)) + shift
            style = {"fmt": marker, "capsize": 3, "clip_on": False, "label": f"by {level}"}
            axes.errorbar(places, part["recall"], reach, color=colour, **style)
        occurring = table["group"][table["recall"].notna()].nunique()
        axes.axhline(1 / occurring, color="black", linewidth=0.8, dashes=(1, 2), label="chance")
        axes.set_xticks(range(len(groups)), groups)
        axes.set_xlim(-0.5, len(groups) - 0.5)
        axes.set_ylim(0, 1.02)
        axes.set_ylabel("recall")
        axes.set_title("Recall by group, with 95 % intervals over speakers")
        axes.figure.legend(loc="outside lower center", ncols=3, frameon=False)


def draw_errors(errors: np.ndarray, targets: np.ndarray, groups: Sequence[str], path: Path) -> None:
    """Draw how far the expected age is from the true one, in years, (clips,), as a box for each true group."""
    with picture(path, 2.5 + 0.9 * len(groups), 4) as axes:
        axes.axhline(0, color="black", linewidth=0.8, dashes=(1, 2))
        parts = [errors[targets == group] for group in range(len(groups))]
        axes.boxplot(
            parts,
            tick_labels=groups,
            patch_artist=True,
            widths=0.6,
            boxprops={"facecolor": "#c7eae5", "edgecolor": MAIN},
            medianprops={"color": "black"},
            flierprops={"marker": ".", "markersize": 4, "markeredgecolor": QUIET},
        )
        axes.set_ylabel("expected age minus true age (years)")
        axes.set_xlabel("true group")
        axes.set_title(f"Errors in years on test: {np.abs(errors).mean():.1f} on average")


def draw_comparison(table: pd.DataFrame, chance: float, path: Path) -> None:
    """Draw `macro_recall` with `low` and `high` of each `model`, the best on top; grey if it has no parameters."""
    with picture(path, 7, 1.4 + 0.35 * len(table)) as axes:
        rows = table[::-1].reset_index(drop=True)
        for place, row in rows.iterrows():
            colour = QUIET if pd.isna(row["parameters"]) else MAIN
            reach = [[row["macro_recall"] - row["low"]], [row["high"] - row["macro_recall"]]]
            axes.errorbar(row["macro_recall"], place, xerr=reach, fmt="o", color=colour, capsize=3)
        axes.axvline(chance, color="black", linewidth=0.8, dashes=(1, 2))
        axes.text(chance + 0.01, -0.5, "chance", fontsize=9)
        axes.set_yticks(range(len(rows)), rows["model"])
        axes.set_ylim(-0.7, len(rows) - 0.4)
        axes.set_xlim(0, 1)
        axes.set_xlabel("macro recall, 95 % intervals over speakers")
