"""Split: who is learnt from, who is tested? Whole speakers go to folds; val and test are balanced over groups."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.balance import is_surplus, rarest, seeded_order, turn_within
from pipeline.commonvoice import age_to_group
from pipeline.decode import LOGMEL
from pipeline.filter import MANIFEST
from pipeline.params import Split, load_params
from pipeline.stage import UserError, run_stage, written_whole

SPLIT = Path("data/split.parquet")
REPORT = Path("data/split.json")

SPLITS = ("train", "val", "test")


def grouped(manifest: pd.DataFrame, decoded: pd.Series, settings: Split) -> pd.DataFrame:
    """The decoded clips whose age lies in a group: `key`, `speaker`, `gender`, `group`, `order`, sorted by key."""
    rows = manifest[manifest["key"].isin(decoded)].sort_values("key", ignore_index=True)
    rows["group"] = pd.Categorical(rows["age"].map(age_to_group(settings.groups)), list(settings.groups), ordered=True)
    rows["order"] = seeded_order(rows["key"], settings.seed)
    return rows.loc[rows["group"].notna(), ["key", "speaker", "gender", "group", "order"]]


def fold_of_speakers(rows: pd.DataFrame, folds: int) -> pd.Series:
    """The fold of each speaker, dealt out in turn within each group and gender.

    A speaker whose clips lie in two groups counts in the one that holds most of them. Raises UserError naming a
    group with fewer speakers than folds.
    """
    code = rows["group"].cat.codes
    tally = rows.assign(code=code).groupby(["speaker", "code"]).size().rename("clips").reset_index()
    speakers = tally.sort_values(["clips", "code"], ascending=[False, True]).drop_duplicates("speaker")
    first = rows.sort_values("order").drop_duplicates("speaker")[["speaker", "gender", "order"]]
    speakers = speakers.merge(first, on="speaker").sort_values(["code", "gender", "order"])
    counts = speakers["code"].value_counts()
    for number, group in enumerate(rows["group"].cat.categories):
        if counts.get(number, 0) < folds:
            raise UserError(
                f"group {group} has {counts.get(number, 0)} speakers, too few for split.folds, {folds}: "
                "lower it, or join groups in split.groups"
            )
    return pd.Series(np.arange(len(speakers)) % folds, index=speakers["speaker"])


def assign(rows: pd.DataFrame, settings: Split) -> pd.DataFrame:
    """Add `split`: test is the fold, val the next, train the rest; clips that val and test leave out are dropped."""
    fold = rows["speaker"].map(fold_of_speakers(rows, settings.folds))
    names = {settings.fold: "test", (settings.fold + 1) % settings.folds: "val"}
    rows = rows.assign(split=fold.map(names).fillna("train").astype(pd.CategoricalDtype(SPLITS)))
    judged = [evened(rows[rows["split"] == name], settings.clips_per_speaker) for name in ("val", "test")]
    return pd.concat([rows[rows["split"] == "train"], *judged]).sort_values("key", ignore_index=True)


def evened(rows: pd.DataFrame, clips_per_speaker: int) -> pd.DataFrame:
    """Cap the clips per speaker, then take every group down to the rarest's count."""
    rows = rows[turn_within(rows, ["speaker"]) < clips_per_speaker]
    return rows[~is_surplus(rows, rarest(rows["group"]))]


def report(rows: pd.DataFrame, settings: Split, decoded: int) -> dict:
    """Clips and speakers by split and group."""
    tally = rows.groupby(["split", "group"], observed=False)["speaker"].agg(clips="size", speakers="nunique")
    return {
        "folds": settings.folds,
        "fold": settings.fold,
        "clips": decoded,
        "left_out": decoded - len(rows),
        **{name: tally.loc[name].to_dict("index") for name in SPLITS},
    }


def main() -> None:
    settings = load_params().split
    decoded = pd.read_parquet(LOGMEL / "index.parquet", columns=["key"])["key"]
    rows = assign(grouped(pd.read_parquet(MANIFEST), decoded, settings), settings)
    with written_whole(REPORT) as temporary:
        temporary.write_text(json.dumps(report(rows, settings, len(decoded)), indent=2) + "\n")
    with written_whole(SPLIT) as temporary:
        rows[["key", "speaker", "group", "split"]].to_parquet(temporary, index=False)
    counts = rows.groupby("split", observed=False)["speaker"].agg(["size", "nunique"])
    print(
        "split: "
        + ", ".join(f"{name} {row['size']:,} clips of {row['nunique']:,} speakers" for name, row in counts.iterrows())
    )


if __name__ == "__main__":
    run_stage(main)
