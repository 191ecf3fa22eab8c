"""What would more speakers bring? Macro recall against the share of train's speakers that are learnt from."""

import argparse

import pandas as pd

from benchmarks.timing import needs, show
from benchmarks.trial import folds_of, pooled, trial
from features.store import Store
from models.bootstrap import SpeakerBootstrap, interval
from models.scores import resampled_macro_recall
from pipeline.decode import LOGMEL
from pipeline.filter import MANIFEST
from pipeline.params import load_params

SHARES = (0.125, 0.25, 0.5, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=3)
    folds = parser.parse_args().folds
    params = load_params()
    store, manifest, groups = Store(needs(LOGMEL)), pd.read_parquet(needs(MANIFEST)), list(params.split.groups)
    rows = []
    for share in SHARES:
        judged = pooled([trial(each, store, manifest, share) for each in folds_of(params, folds)], groups)
        recall = resampled_macro_recall(judged, SpeakerBootstrap(judged.speakers))
        low, high = interval(recall)
        rows.append((f"{share:.1%}", f"{recall[0]:.3f}", f"{low:.3f} to {high:.3f}"))
    title = f"{params.model}, {params.corpus}, split by {params.split.by}, {folds} of {params.split.folds} folds pooled"
    show(title, ("share of train's speakers", "macro recall", "95 % interval"), rows, "all cores")


if __name__ == "__main__":
    main()
