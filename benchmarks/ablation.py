"""What is each part of the training recipe worth? Each taken away, or changed, over folds, against the recipe whole."""

import argparse
from dataclasses import replace

import pandas as pd

from benchmarks.timing import needs, show
from benchmarks.trial import folds_of, pooled, trial
from features.store import Store
from models.bootstrap import SpeakerBootstrap, interval
from models.recipe import Masks
from models.scores import resampled_macro_recall
from pipeline.decode import LOGMEL
from pipeline.filter import MANIFEST
from pipeline.params import Params, load_params

WHOLE = "the recipe"
MASKS, NO_MASKS = Masks(2, 20, 2, 8), Masks(0, 1, 0, 1)


def variants(params: Params) -> dict[str, Params]:
    recipe = params.train

    def changed(**settings) -> Params:
        return replace(params, train=replace(recipe, **settings))

    other_loss = "ordinal" if recipe.loss == "cross_entropy" else "cross_entropy"
    other_monitor = "val_macro_recall" if recipe.monitor == "val_loss" else "val_loss"
    other_balance = "undersample" if params.filter.balance == "keep" else "keep"
    has_masks = recipe.spec_augment.time_masks or recipe.spec_augment.band_masks
    return {
        WHOLE: params,
        f"{'without' if has_masks else 'with'} SpecAugment": changed(spec_augment=NO_MASKS if has_masks else MASKS),
        f"loss: {other_loss}": changed(loss=other_loss),
        f"monitor: {other_monitor}": changed(monitor=other_monitor),
        "without a limit to the gradient": changed(gradient_norm=1e9),
        "without weight decay": changed(weight_decay=0.0),
        "a third of the learning rate": changed(learning_rate=recipe.learning_rate / 3),
        "three times the learning rate": changed(learning_rate=recipe.learning_rate * 3),
        "crops half as long": changed(frames=recipe.frames // 2),
        "crops twice as long": changed(frames=recipe.frames * 2),
        f"train's clips drawn as for balance: {other_balance}": replace(
            params, filter=replace(params.filter, balance=other_balance)
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--by", default="speaker")
    chosen = parser.parse_args()
    params, folds = load_params(), chosen.folds
    store, manifest, groups = Store(needs(LOGMEL)), pd.read_parquet(needs(MANIFEST)), list(params.split.groups)
    recalls, epochs = {}, {}
    for name, variant in variants(params).items():
        parts = [trial(each, store, manifest) for each in folds_of(variant, folds, by=chosen.by)]
        judged = pooled(parts, groups)
        recalls[name] = resampled_macro_recall(judged, SpeakerBootstrap(judged.speakers))
        epochs[name] = sum(part["epochs"].iloc[0] for part in parts) / folds
    rows = []
    for name, recall in recalls.items():
        low, high = interval(recall)
        gain = recall - recalls[WHOLE]
        gain_low, gain_high = interval(gain)
        change = () if name == WHOLE else (f"{gain[0]:+.3f}", f"{gain_low:+.3f} to {gain_high:+.3f}")
        rows.append(
            (name, f"{recall[0]:.3f}", f"{low:.3f} to {high:.3f}", f"{epochs[name]:.0f}", *(change or ("", "")))
        )
    title = f"{params.model}, {params.corpus}, split by {chosen.by}, {folds} of {params.split.folds} folds pooled"
    header = ("", "macro recall", "95 % interval", "epochs", "change", "95 % interval")
    show(title, header, rows, "all cores")


if __name__ == "__main__":
    main()
