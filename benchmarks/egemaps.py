"""What do the architectures reach beside hand-made features, on the very same folds of params.yaml?

The features are openSMILE's eGeMAPSv02 functionals, judged by a linear SVM; the extra `bench` brings openSMILE (for
research; see its licence). They are kept in data/egemaps.parquet, and every finished training run in data/trials/.
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
from benchmarks.trial import folds_of, pooled, trials, whole_fold
from features.logmel import FrontEnd
from features.shard import read_shard
from features.sound import Rejected, SoundReader, quiet_decoder
from features.store import Store
from models.bootstrap import SpeakerBootstrap, interval
from models.scores import resampled_macro_recall
from pipeline.decode import LOGMEL
from pipeline.filter import MANIFEST
from pipeline.pack import CLIPS
from pipeline.params import Params, Split, load_params
from pipeline.split import assign, grouped

KEPT = Path("data/egemaps.parquet")
STRENGTHS = (0.001, 0.01, 0.1)  # inverse, of the SVM's penalty; val chooses
HAND_MADE = "eGeMAPSv02 + linear SVM"


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


def judged_fold(rows: pd.DataFrame, settings: Split, values: pd.DataFrame) -> pd.DataFrame:
    """What the SVM gives to the test fold, as a trial tells it: one-hot, for it has no probabilities."""
    split, test = assign(rows, settings), whole_fold(rows, settings)
    parts = {name: (values.loc[part["key"]], part["group"].cat.codes) for name, part in split.groupby("split")}

    def fitted(strength: float):
        machine = LinearSVC(C=strength, class_weight="balanced", dual=False)
        return make_pipeline(StandardScaler(), machine).fit(*parts["train"])

    machines = [fitted(strength) for strength in STRENGTHS]
    best = max(machines, key=lambda each: recall_score(parts["val"][1], each.predict(parts["val"][0]), average="macro"))
    groups = list(settings.groups)
    given = pd.DataFrame(np.eye(len(groups))[best.predict(values.loc[test["key"]])], columns=groups)
    return given.assign(speaker=test["speaker"].to_numpy(), target=test["group"].cat.codes.to_numpy("int64"))


def recalls_of(
    params: Params, by: str, folds: int, models: list[str], seeds: int, values: pd.DataFrame
) -> tuple[dict[str, list[np.ndarray]], str]:
    """What each way reaches in one deal of the clips over folds, once a seed: macro recall as it is, then in each
    sample of speakers, (1 + resamples,), the same in every deal; and how many clips and speakers that rests on.
    """
    store, manifest, groups = Store(needs(LOGMEL)), pd.read_parquet(needs(MANIFEST)), list(params.split.groups)
    dealt = folds_of(params, folds, by=by)
    settings = [each.split for each in dealt]
    parts = [judged_fold(grouped(manifest, store.index, each), each, values) for each in settings]
    runs = {HAND_MADE: [parts]} | {name: trials(dealt, name, seeds, store, manifest) for name in models}
    bootstrap = SpeakerBootstrap(pooled(parts, groups).speakers)
    recalls = {
        name: [resampled_macro_recall(pooled(parts, groups), bootstrap) for parts in each]
        for name, each in runs.items()
    }
    return recalls, f"{sum(map(len, parts)):,} test clips of {bootstrap.times.shape[1]:,} speakers"


def row_of(name: str, recalls: list[np.ndarray], others: list[np.ndarray]) -> tuple[str, ...]:
    """The mean macro recall over runs, and how far it lies above the others' on the same speakers, with intervals."""
    recall, other = np.mean(recalls, axis=0), np.mean(others, axis=0)
    low, high = interval(recall)
    gain_low, gain_high = interval(recall - other)
    singly = sorted(f"{each[0]:.3f}" for each in recalls)
    scores = name, f"{recall[0]:.3f}", f"{low:.3f} to {high:.3f}"
    gain = f"{recall[0] - other[0]:+.3f}", f"{gain_low:+.3f} to {gain_high:+.3f}"
    return *scores, *(("", "") if name == HAND_MADE else gain), ", ".join(singly)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", metavar="NAME", default=[])
    parser.add_argument("--by", nargs="+", default=["speaker", "locale"])
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1, help="of training")
    parser.add_argument("--deals", type=int, default=1, help="of speakers over folds; locales have one")
    chosen = parser.parse_args()
    params = load_params()
    values = features(params)
    for by in chosen.by:
        recalls: dict[str, list[np.ndarray]] = {}
        for seed in range(params.split.seed, params.split.seed + chosen.deals):
            deal = replace(params, split=replace(params.split, seed=seed))
            found, size = recalls_of(deal, by, chosen.folds, chosen.models, chosen.seeds, values)
            recalls = {name: recalls.get(name, []) + each for name, each in found.items()}
        title = f"{params.corpus}, split by {by}, {chosen.folds} of {params.split.folds} folds pooled: {size}"
        header = ("", "macro recall", "95 % interval", "above the SVM", "95 % interval", "single runs")
        show(title, header, [row_of(name, each, recalls[HAND_MADE]) for name, each in recalls.items()], "all cores")


if __name__ == "__main__":
    main()
