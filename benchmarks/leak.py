"""What does it cost to split by clip? The same model on clips that are split by speaker and by clip, over all folds.

Each is trained for train.max_epochs and then tested as it is: no epoch is chosen, so val plays no part.
"""

import argparse
from dataclasses import replace

import pandas as pd

from benchmarks.timing import needs, show
from benchmarks.trial import corpus_at_hand, formatted, recall_of
from features.store import Store
from pipeline.comparing.fold import learnt
from pipeline.params import Params, load_params
from pipeline.paths import FEATURES, MANIFEST
from pipeline.split import assign, grouped
from pipeline.splits.clips import judge_clips


def judged_fold(params: Params, store: Store, clips: pd.DataFrame) -> pd.DataFrame:
    """The test clips of a fold: `speaker`, `target`, `is_seen` (the speaker is in train), each group's probability."""
    rows = assign(grouped(clips, store.index, params.split), params.split)
    split = rows[rows["split"].notna()]
    last = replace(params, train=replace(params.train, monitor="epoch"))
    model, config, _ = learnt(split, last, store)
    test = split[split["split"] == "test"]
    probabilities = judge_clips(test, model, config.frames, store, params.compute.device)
    return pd.DataFrame(probabilities, columns=config.groups).assign(
        speaker=test["speaker"].to_numpy(),
        target=test["group"].cat.codes.to_numpy("int64"),
        is_seen=test["speaker"].isin(split["speaker"][split["split"] == "train"]).to_numpy(),
    )


def row(name: str, clips: pd.DataFrame, groups: list[str]) -> tuple[str, ...]:
    return name, f"{len(clips)}", f"{clips['speaker'].nunique()}", *formatted(recall_of([clips], groups))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    folds = parser.parse_args().folds
    params = load_params()
    store, clips, groups = Store(needs(FEATURES)), pd.read_parquet(MANIFEST), list(params.split.groups)
    rows = []
    for by in ("speaker", "clip"):
        splits = [replace(params.split, by=by, folds=folds, fold=fold) for fold in range(folds)]
        pooled = pd.concat([judged_fold(replace(params, split=split), store, clips) for split in splits])
        rows.append(row(f"split by {by}", pooled, groups))
    seen = pooled["is_seen"]
    rows += [row("– speakers seen in training", pooled[seen], groups), row("– strangers", pooled[~seen], groups)]
    recipe = params.train
    title = f"{params.model}, {recipe.max_epochs} epochs, seed {recipe.seed}, {corpus_at_hand()}, {folds} folds pooled"
    show(title, ("", "test clips", "speakers", "macro recall", "95 % interval"), rows)


if __name__ == "__main__":
    main()
