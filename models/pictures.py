"""Pictures: what a person looks at to see how a model does."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure


def draw_confusion(counts: np.ndarray, groups: Sequence[str], path: Path) -> None:
    """Draw counts (groups, groups), a row for each true group: the share of the row as colour, both as text."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(2.2 + 0.85 * len(groups), 1.8 + 0.75 * len(groups)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{share:.0%}\n({counts[row, column]:,})"
        axes.text(column, row, text, ha="center", va="center", color="white" if share > 0.5 else "black", fontsize=9)
    recall = np.diag(shares).mean()
    axes.set_title(f"Test clips: macro recall {recall:.1%}, chance {1 / len(groups):.1%}")
    axes.set_xticks(range(len(groups)), groups, rotation=30, ha="right")
    axes.set_yticks(range(len(groups)), groups)
    axes.set_xlabel("judged")
    axes.set_ylabel("true")
    figure.colorbar(image, ax=axes, label="share of the true group", format="{x:.0%}", shrink=0.85)
    figure.savefig(path, dpi=150, metadata={"Software": None})
