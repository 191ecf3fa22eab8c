"""What do hand-made features reach? openSMILE's eGeMAPSv02 functionals and a linear SVM, on the folds of params.yaml.

The extra `bench` brings openSMILE (for research; see its licence). The features are kept in data/egemaps.parquet.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import opensmile
import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from benchmarks.timing import needs, show
from features.logmel import FrontEnd
from features.shard import read_shard
from features.sound import Rejected, SoundReader, quiet_decoder
from models.bootstrap import SpeakerBootstrap, interval
from models.judging import Judged
from models.scores import resampled_macro_recall
from pipeline.decode import LOGMEL
from pipeline.filter import MANIFEST
from pipeline.pack import CLIPS
from pipeline.params import Params, load_params
from pipeline.split import OF_INDEX, assign, grouped

KEPT = Path("data/egemaps.parquet")
STRENGTHS = (0.001, 0.01, 0.1)  # inverse, of the SVM's penalty; val chooses


def functionals_of(clips: Path, front_end: FrontEnd) -> pd.DataFrame:
    """The 88 functionals of each clip of a shard, decoded, trimmed and resampled as for the store."""
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    read_sound, rows = SoundReader(front_end), {}
    with quiet_decoder():
        for name, data in read_shard(clips):
            try:
                samples = read_sound(data).samples
            except Rejected:
                continue
            rows[name.split(".")[0]] = smile.process_signal(samples, front_end.sample_rate).iloc[0]
    return pd.DataFrame.from_dict(rows, orient="index")


def features(params: Params) -> pd.DataFrame:
    if not KEPT.is_file():
        shards = sorted(needs(CLIPS).glob("*.tar"))
        parts = Parallel(params.compute.jobs)(delayed(functionals_of)(shard, params.features) for shard in shards)
        pd.concat(parts).to_parquet(KEPT)
    return pd.read_parquet(KEPT)


def judged_fold(split: pd.DataFrame, values: pd.DataFrame) -> Judged:
    """What the SVM gives to the test clips: one-hot, for it has no probabilities."""
    parts = {name: (values.loc[part["key"]], part["group"].cat.codes) for name, part in split.groupby("split")}

    def fitted(strength: float):
        machine = LinearSVC(C=strength, class_weight="balanced", dual=False)
        return make_pipeline(StandardScaler(), machine).fit(*parts["train"])

    machines = [fitted(strength) for strength in STRENGTHS]
    best = max(machines, key=lambda each: recall_score(parts["val"][1], each.predict(parts["val"][0]), average="macro"))
    test = split[split["split"] == "test"]
    given = np.eye(len(split["group"].cat.categories))[best.predict(parts["test"][0])]
    return Judged(given, parts["test"][1].to_numpy("int64"), np.zeros(len(test)), test["speaker"].to_numpy())


def pooled(judged: list[Judged]) -> Judged:
    parts = ([getattr(each, name) for each in judged] for name in ("probabilities", "targets", "ages", "speakers"))
    return Judged(*map(np.concatenate, parts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--by", nargs="+", default=["speaker", "locale"])
    chosen = parser.parse_args()
    params = load_params()
    values, manifest = features(params), pd.read_parquet(needs(MANIFEST))
    index = pd.read_parquet(needs(LOGMEL) / "index.parquet", columns=["key", *OF_INDEX])
    rows = []
    for by in chosen.by:
        judged = []
        for fold in range(chosen.folds):
            settings = replace(params.split, by=by, fold=fold)
            split = assign(grouped(manifest, index, settings), settings)
            judged.append(judged_fold(split[split["split"].notna()], values))
        everything = pooled(judged)
        recall = resampled_macro_recall(everything, SpeakerBootstrap(everything.speakers))
        low, high = interval(recall)
        counts = f"{len(everything.targets):,}", f"{len(set(everything.speakers)):,}"
        rows.append((f"split by {by}", *counts, f"{recall[0]:.3f}", f"{low:.3f} to {high:.3f}"))
    title = f"eGeMAPSv02 + linear SVM, {params.corpus}, {chosen.folds} of {params.split.folds} folds pooled"
    show(title, ("", "test clips", "speakers", "macro recall", "95 % interval"), rows, "all cores")


if __name__ == "__main__":
    main()
