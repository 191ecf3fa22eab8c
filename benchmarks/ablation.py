"""What is each part of the training recipe worth? Removes or changes one at a time, over folds."""

import argparse
from dataclasses import replace

import pandas as pd

from benchmarks.timing import needs, show
from benchmarks.trial import corpus_at_hand, folds_of, formatted, mean_of, recall_of, trial
from features.store import Store
from models.recipe import Masks
from pipeline.params import Params, load_params
from pipeline.paths import FEATURES, MANIFEST

WHOLE = "the recipe"


def variants(params: Params) -> dict[str, Params]:
    recipe = params.train

    def changed(**settings) -> Params:
        return replace(params, train=replace(recipe, **settings))

    other_loss = "ordinal" if recipe.loss == "cross_entropy" else "cross_entropy"
    other_monitor = "val_macro_recall" if recipe.monitor == "val_loss" else "val_loss"
    other_balance = "undersample" if params.filter.balance == "keep" else "keep"
    masks = recipe.spec_augment
    other_masks = None if masks else Masks(time_masks=2, time_width=20, band_masks=2, band_width=8)
    return {
        WHOLE: params,
        f"{'with' if other_masks else 'without'} SpecAugment": changed(spec_augment=other_masks),
        f"loss: {other_loss}": changed(loss=other_loss),
        f"monitor: {other_monitor}": changed(monitor=other_monitor),
        "without gradient clipping": changed(gradient_norm=1e9),
        "without weight decay": changed(weight_decay=0.0),
        "a third of the learning rate": changed(learning_rate=recipe.learning_rate / 3),
        "three times the learning rate": changed(learning_rate=recipe.learning_rate * 3),
        "crops half as long": changed(crop=recipe.crop / 2),
        "crops twice as long": changed(crop=recipe.crop * 2),
        f"train's clips drawn as for balance: {other_balance}": replace(
            params, filter=replace(params.filter, balance=other_balance)
        ),
    }


def main() -> None:
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--by", default=params.split.by)
    chosen = parser.parse_args()
    folds = chosen.folds
    store, manifest, groups = Store(needs(FEATURES)), pd.read_parquet(needs(MANIFEST)), list(params.split.groups)
    runs = {
        name: [trial(each, store, manifest) for each in folds_of(variant, folds, by=chosen.by)]
        for name, variant in variants(params).items()
    }
    whole = recall_of(runs[WHOLE], groups)
    rows = []
    for name, parts in runs.items():
        recall = recall_of(parts, groups)
        change = ("", "") if name == WHOLE else formatted(recall - whole, "+")
        rows.append((name, *formatted(recall), f"{mean_of([parts], 'epochs'):.0f}", *change))
    title = f"{params.model}, {corpus_at_hand()}, split by {chosen.by}, {folds} of {params.split.folds} folds pooled"
    header = ("", "macro recall", "95 % interval", "epochs", "change", "95 % interval")
    show(title, header, rows, "all cores")


if __name__ == "__main__":
    main()
