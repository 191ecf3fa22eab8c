"""What would more speakers bring? Macro recall against the share of train's speakers that are learnt from."""

import argparse

import numpy as np
import pandas as pd

from benchmarks.timing import needs, show
from benchmarks.trial import folds_of, mean_of, pooled, trials
from features.store import Store
from models.bootstrap import SpeakerBootstrap, interval
from models.scores import resampled_macro_recall
from pipeline.decode import LOGMEL
from pipeline.filter import MANIFEST
from pipeline.params import load_params

SHARES = (0.125, 0.25, 0.5, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", metavar="NAME")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    chosen = parser.parse_args()
    params = load_params()
    store, manifest, groups = Store(needs(LOGMEL)), pd.read_parquet(needs(MANIFEST)), list(params.split.groups)
    rows = []
    for name in chosen.models or [params.model]:
        for share in SHARES:
            runs = trials(folds_of(params, chosen.folds), name, chosen.seeds, store, manifest, share)
            judged = [pooled(parts, groups) for parts in runs]
            bootstrap = SpeakerBootstrap(judged[0].speakers)
            recall = np.mean([resampled_macro_recall(each, bootstrap) for each in judged], axis=0)
            low, high = interval(recall)
            speakers = f"{mean_of(runs, 'train_speakers'):,.0f}"
            rows.append((name, f"{share:.1%}", speakers, f"{recall[0]:.3f}", f"{low:.3f} to {high:.3f}"))
    title = f"{params.corpus}, split by {params.split.by}, {chosen.folds} of {params.split.folds} folds pooled"
    show(title, ("", "share", "train's speakers", "macro recall", "95 % interval"), rows, "all cores")


if __name__ == "__main__":
    main()
