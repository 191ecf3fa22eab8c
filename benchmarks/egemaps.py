"""How do the architectures compare with hand-made features, on the very same folds of params.yaml?

The features are openSMILE's eGeMAPSv02 functionals, classified by a linear SVM; the extra `bench` installs openSMILE
(for research; see its licence). They are kept in data/egemaps.parquet, and finished training runs in data/trials/.
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
from benchmarks.trial import corpus_at_hand, folds_of, formatted, recall_of, trials
from features.decoding.sound import Rejected, SoundReader, quiet_decoder
from features.front_end import FrontEnd
from features.shard import read_shard
from features.store import Store
from pipeline.comparing.fold import with_whole_fold
from pipeline.params import Params, Split, load_params
from pipeline.paths import CLIPS, FEATURES, MANIFEST
from pipeline.split import grouped

KEPT = Path("data/egemaps.parquet")
STRENGTHS = (0.001, 0.01, 0.1)  # of the SVM, inverse to its penalty; chosen on val
HAND_MADE = "eGeMAPSv02 + linear SVM"


def functionals_of(clips: Path, front_end: FrontEnd) -> pd.DataFrame:
    """The 88 functionals of each clip in a shard, decoded, trimmed and resampled as for the store."""
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    read_sound, rows = SoundReader(front_end.sound), {}
    with quiet_decoder():
        for name, data in read_shard(clips):
            try:
                samples = read_sound(data).samples
            except Rejected:
                continue
            rows[name.split(".")[0]] = smile.process_signal(samples, front_end.sound.sample_rate).iloc[0]
    return pd.DataFrame.from_dict(rows, orient="index")


def features(params: Params) -> pd.DataFrame:
    if not KEPT.is_file():
        shards = sorted(needs(CLIPS).glob("*.tar"))
        parts = Parallel(params.compute.jobs)(delayed(functionals_of)(shard, params.front_end()) for shard in shards)
        pd.concat(parts).to_parquet(KEPT)
    return pd.read_parquet(KEPT)


def judged_fold(rows: pd.DataFrame, settings: Split, values: pd.DataFrame) -> pd.DataFrame:
    """The SVM's answers for the test fold, in the form of a trial: one-hot, because it has no probabilities."""
    split = with_whole_fold(rows, settings)
    test = split[split["split"] == "test"]
    parts = {name: (values.loc[part["key"]], part["group"].cat.codes) for name, part in split.groupby("split")}

    def fitted(strength: float):
        machine = LinearSVC(C=strength, class_weight="balanced", dual=False)
        return make_pipeline(StandardScaler(), machine).fit(*parts["train"])

    machines = [fitted(strength) for strength in STRENGTHS]
    best = max(machines, key=lambda each: recall_score(parts["val"][1], each.predict(parts["val"][0]), average="macro"))
    groups = list(settings.groups)
    given = pd.DataFrame(np.eye(len(groups))[best.predict(values.loc[test["key"]])], columns=groups)
    return given.assign(speaker=test["speaker"].to_numpy(), target=test["group"].cat.codes.to_numpy("int64"))


def runs_of(
    dealt: list[Params], models: list[str], seeds: int, store: Store, manifest: pd.DataFrame, values: pd.DataFrame
) -> dict[str, list[list[pd.DataFrame]]]:
    """The results of each method in the folds of one deal, for each seed; the SVM has no seeds."""
    rows = grouped(manifest, store.index, dealt[0].split)
    hand_made = [judged_fold(rows, each.split, values) for each in dealt]
    return {HAND_MADE: [hand_made]} | {name: trials(dealt, name, seeds, store, manifest) for name in models}


def row_of(name: str, recalls: list[np.ndarray], others: list[np.ndarray]) -> tuple[str, ...]:
    """The mean macro recall over runs, and its lead over the others on the same speakers, with intervals."""
    recall = np.mean(recalls, axis=0)
    gain = ("", "") if name == HAND_MADE else formatted(recall - np.mean(others, axis=0), "+")
    return name, *formatted(recall), *gain, ", ".join(sorted(f"{each[0]:.3f}" for each in recalls))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", metavar="NAME", default=[])
    parser.add_argument("--by", nargs="+", default=["speaker", "locale"])
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1, help="of training")
    parser.add_argument("--deals", type=int, default=1, help="of speakers over all folds; locales have one")
    chosen = parser.parse_args()
    params = load_params()
    if chosen.deals > 1 and chosen.folds < params.split.folds:
        parser.error(f"--deals needs --folds {params.split.folds}, so that every deal tests the same speakers")
    values, manifest = features(params), pd.read_parquet(needs(MANIFEST))
    store, groups = Store(needs(FEATURES)), list(params.split.groups)
    for by in chosen.by:
        recalls: dict[str, list[np.ndarray]] = {}
        for seed in range(params.split.seed, params.split.seed + (chosen.deals if by == "speaker" else 1)):
            dealt = folds_of(replace(params, split=replace(params.split, seed=seed)), chosen.folds, by=by)
            runs = runs_of(dealt, chosen.models, chosen.seeds, store, manifest, values)
            for name, seeds in runs.items():
                recalls.setdefault(name, []).extend(recall_of(parts, groups) for parts in seeds)
        judged = pd.concat(runs[HAND_MADE][0])
        title = (
            f"{corpus_at_hand()}, split by {by}, {chosen.folds} of {params.split.folds} folds pooled: "
            f"{len(judged):,} test clips of {judged['speaker'].nunique():,} speakers"
        )
        header = ("", "macro recall", "95 % interval", "above the SVM", "95 % interval", "single runs")
        show(title, header, [row_of(name, each, recalls[HAND_MADE]) for name, each in recalls.items()], "all cores")


if __name__ == "__main__":
    main()
