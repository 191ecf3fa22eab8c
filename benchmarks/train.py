"""How fast does each architecture train? Clips per second, forward and backward, and the share of time for data."""

import argparse
from dataclasses import replace
from statistics import median
from time import perf_counter

import numpy as np
import pandas as pd
import torch

from benchmarks.timing import needs, show
from features.store import Store
from models.learning.classifier import Classifier
from models.learning.data import Crops, CropSampler, loader
from models.learning.resident import Resident
from pipeline.params import Params, load_params
from pipeline.paths import FEATURES, SPLIT
from pipeline.train import build_seeded, configure

BATCHES, WARM_UP = 12, 3


def throughput(
    params: Params, store: Store, split: pd.DataFrame, device: str, features: str
) -> tuple[int, float, float]:
    """Parameters, clips per second, and the share of time spent waiting for data; medians over BATCHES."""
    config = configure(params, store, split)
    learner = Classifier(build_seeded(config, 0), config.groups, params.train).to(device).train()
    if params.compute.compile:
        learner.model.net.compile()
    optimizer = torch.optim.AdamW(learner.parameters(), 1e-4, fused=device == "cuda")
    rows = store.rows_of(split["key"][split["split"] == "train"])
    target_of_row = np.zeros(len(store), np.int64)
    target_of_row[rows] = split["group"][split["split"] == "train"].cat.codes
    frames = params.train.frames(store.front_end.hop)
    sampler = CropSampler(rows, store.frames[rows], frames, params.train)
    resident = Resident(store, rows, device) if features == "device" else None
    batches = iter(loader(Crops(store, target_of_row, frames), sampler))
    places = iter(sampler)
    waiting, working = [], []
    for _ in range(min(len(sampler), BATCHES + WARM_UP)):
        begin = perf_counter()
        if resident:
            here, starts = (torch.from_numpy(each).to(device) for each in next(places))
            crops = resident.crops(here, starts, frames)
            targets = torch.from_numpy(target_of_row).to(device)[here]
        else:
            crops, targets = (each.to(device, non_blocking=True) for each in next(batches))
        finish(device)
        got = perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            logits = learner.model.net(learner.augment(learner.model.normalise(crops)))
            loss = torch.nn.functional.cross_entropy(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        finish(device)
        waiting.append(got - begin)
        working.append(perf_counter() - got)
    wait, work = median(waiting[WARM_UP:]), median(working[WARM_UP:])
    parameters = sum(each.numel() for each in learner.model.net.parameters())
    return parameters, params.train.batch_size / (wait + work), wait / (wait + work)


def finish(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", metavar="NAME")
    parser.add_argument("--features", choices=["store", "device"], default="store")
    chosen = parser.parse_args()
    params = load_params()
    store, split, device = Store(needs(FEATURES)), pd.read_parquet(needs(SPLIT)), params.compute.device
    rows = []
    for name in chosen.models or params.architectures:
        parameters, clips, wait = throughput(replace(params, model=name), store, split, device, chosen.features)
        rows.append((name, f"{parameters:,}", f"{clips:,.0f}", f"{wait:.1%}"))
    title = (
        f"Training on {device}, batches of {params.train.batch_size} crops of {params.train.crop} s, {chosen.features}"
    )
    show(title, ("", "parameters", "clips/s", "waiting for data"), rows, "all cores")


if __name__ == "__main__":
    main()
