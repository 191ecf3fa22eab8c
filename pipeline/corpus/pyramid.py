"""Pyramid: clips and speakers by age group and sex, women to the left and men to the right."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from pipeline.corpus.commonvoice import FEMALE, MALE

COLOURS = {FEMALE: "#8c510a", MALE: "#01665e", "rest": "#c7c7c7"}  # also differ in grey


def draw_pyramid(parts: dict[str, pd.DataFrame], path: Path) -> None:
    """One row of panels per part; a part has rows with `group`, `gender` and `speaker`."""
    figure = Figure(figsize=(9, 0.6 + 2.9 * len(parts)), layout="constrained")
    panels = figure.subplots(len(parts), 2, sharey=True, squeeze=False)
    for (title, rows), (left, right) in zip(parts.items(), panels, strict=True):
        speakers = rows.drop_duplicates(["speaker", "group"])
        draw_panel(left, count_by_sex(rows), f"{title}: {len(rows):,} clips", "clips")
        draw_panel(right, count_by_sex(speakers), f"{title}: {rows['speaker'].nunique():,} speakers", "speakers")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(path, dpi=120, format="png")


def count_by_sex(rows: pd.DataFrame) -> pd.DataFrame:
    """Counts, one row per group, one column each for women, men and the rest."""
    sex = rows["gender"].where(rows["gender"].isin([FEMALE, MALE]), "rest")
    counts = pd.crosstab(rows["group"], sex, dropna=False)
    return counts.reindex(index=rows["group"].cat.categories, columns=[FEMALE, MALE, "rest"], fill_value=0)


def draw_panel(panel, counts: pd.DataFrame, title: str, unit: str) -> None:
    groups, rest = list(counts.index), counts["rest"] / 2
    panel.barh(groups, -counts[FEMALE], color=COLOURS[FEMALE], label="women")
    panel.barh(groups, counts[MALE], color=COLOURS[MALE], label="men")
    panel.barh(groups, -rest, left=-counts[FEMALE], color=COLOURS["rest"], label="other or not stated, half per side")
    panel.barh(groups, rest, left=counts[MALE], color=COLOURS["rest"])
    widest = max(1, (counts[[FEMALE, MALE]].max(axis=1) + rest).max())
    panel.set_xlim(-1.05 * widest, 1.05 * widest)
    label = EngFormatter(sep="")
    panel.xaxis.set_major_locator(panel.xaxis.get_major_locator())
    panel.xaxis.set_major_formatter(lambda value, _: label(abs(value)))
    panel.axvline(0, color="black", linewidth=0.8)
    panel.set_title(title, fontsize=11)
    panel.set_xlabel(unit)
    panel.spines[["top", "right"]].set_visible(False)
