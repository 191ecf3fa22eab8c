"""What would more speakers bring? Macro recall against the share of train's speakers used for training."""

import argparse

import numpy as np
import pandas as pd

from benchmarks.timing import needs, show
from benchmarks.trial import corpus_at_hand, folds_of, formatted, mean_of, recall_of, trials
from features.store import Store
from pipeline.params import load_params
from pipeline.paths import FEATURES, MANIFEST

SHARES = (0.125, 0.25, 0.5, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", metavar="NAME")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    chosen = parser.parse_args()
    params = load_params()
    store, manifest, groups = Store(needs(FEATURES)), pd.read_parquet(needs(MANIFEST)), list(params.split.groups)
    rows = []
    for name in chosen.models or [params.model]:
        for share in SHARES:
            runs = trials(folds_of(params, chosen.folds), name, chosen.seeds, store, manifest, share)
            recall = np.mean([recall_of(parts, groups) for parts in runs], axis=0)
            rows.append((name, f"{share:.1%}", f"{mean_of(runs, 'train_speakers'):,.0f}", *formatted(recall)))
    title = f"{corpus_at_hand()}, split by {params.split.by}, {chosen.folds} of {params.split.folds} folds pooled"
    show(title, ("", "share", "train's speakers", "macro recall", "95 % interval"), rows, "all cores")


if __name__ == "__main__":
    main()
