"""Train: fits the chosen architecture to the train clips, and keeps its best epoch on val."""

import argparse
import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

from features import store as store_code
from features.logmel import FrontEnd
from features.store import Store
from models import (
    calibration,
    classifier,
    data,
    judging,
    pooling,
    recipe,
    resident,
    streaming,
    trained,
    training,
    windows,
)
from pipeline.commonvoice import YEARS
from pipeline.decode import LOGMEL
from pipeline.params import Params, load_params
from pipeline.split import SPLIT
from pipeline.stage import UserError, build_aside, fingerprint, run_stage, written_whole

MODEL = Path("data/model")
EFFORT = Path("data/training.json")
LOGS = Path("data/tensorboard")

CLIPS_AT_ONCE = 64  # judged whole

LEARNING = (  # the code on which a run depends, beside its architecture
    pooling,
    store_code,
    calibration,
    classifier,
    data,
    judging,
    recipe,
    resident,
    streaming,
    training,
    windows,
)


def source_argument(description: str) -> str | None:
    """What `--source` names: the addresses of shards to stream, in the place of the store at hand."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="shards as webdataset opens them, as in 'https://…/{00000..00899}.tar'")
    return parser.parse_args().source


def from_store(params: Params, split: pd.DataFrame) -> tuple[trained.Config, data.VoiceData]:
    store = Store(LOGMEL)
    return configure(params, store, split), voice_data(store, split, params)


def from_stream(params: Params, split: pd.DataFrame, source: str) -> tuple[trained.Config, streaming.StreamedData]:
    """As `from_store`; the front-end is that of the settings, and normalisation rests on the first clips that come."""
    target_of = {
        name: dict(zip(part["key"], part["group"].cat.codes.tolist(), strict=True))
        for name, part in split.groupby("split", observed=True)
    }
    statistics = streaming.streamed_normalisation(streaming.Clips(source, target_of["train"]))
    config = configured(params, split, params.features, statistics)
    return config, streaming.StreamedData(source, target_of, params.train, params.compute.loader_workers)


def configure(params: Params, store: Store, split: pd.DataFrame) -> trained.Config:
    """All that the model must know to be used again, from the settings and from train's statistics."""
    train_rows = store.rows_of(split["key"][split["split"] == "train"])
    return configured(params, split, store.front_end, data.normalisation(store, train_rows))


def configured(params: Params, split: pd.DataFrame, front_end: FrontEnd, statistics: tuple) -> trained.Config:
    mean, deviation = statistics
    return trained.Config(
        architecture=params.model,
        settings=params.architectures[params.model],
        groups=list(split["group"].cat.categories),
        frames=params.train.frames,
        front_end=front_end,
        mean=mean.tolist(),
        deviation=deviation.tolist(),
        years=mean_ages(split[split["split"] == "train"]),
    )


def mean_ages(clips: pd.DataFrame) -> list[float]:
    """The mean age of each group's clips, in years, as the middles of their decades tell it."""
    return clips["age"].map(YEARS).groupby(clips["group"], observed=False).mean().round(2).tolist()


def windows_of(part: pd.DataFrame, frames: int, source: str | None) -> data.Windows | streaming.StreamedWindows:
    """The windows of whole clips, out of the store or of a stream, with the clips' places in `part`."""
    if source:
        places = {key: place for place, key in enumerate(part["key"])}
        return streaming.StreamedWindows(streaming.Clips(source, places), frames, CLIPS_AT_ONCE)
    store = Store(LOGMEL)
    return data.Windows(store, store.rows_of(part["key"]), np.arange(len(part)), frames, CLIPS_AT_ONCE)


def temperature_on(val: pd.DataFrame, model: classifier.Normalised, windows: Dataset, device: str) -> float:
    probabilities = judging.judge(model.eval(), windows, len(val), device)
    return calibration.fit_temperature(probabilities, val["group"].cat.codes.to_numpy("int64"))


def voice_data(store: Store, split: pd.DataFrame, params: Params) -> data.VoiceData:
    """Train and val; where the filter kept groups as they are, they and their speakers are drawn evenly."""
    parts = {name: split[split["split"] == name] for name in ("train", "val")}
    return data.VoiceData(
        store,
        rows={name: store.rows_of(part["key"]) for name, part in parts.items()},
        targets={name: part["group"].cat.codes.to_numpy("int64") for name, part in parts.items()},
        recipe=params.train,
        hardware=params.compute,
        speakers=pd.factorize(parts["train"]["speaker"])[0] if params.filter.balance == "keep" else None,
    )


def build_seeded(config: trained.Config, seed: int) -> classifier.Normalised:
    """The model with weights that follow from the seed. Raises UserError for settings that its architecture refuses."""
    torch.manual_seed(seed)
    try:
        return trained.fresh(config)
    except ValueError as error:
        raise UserError(f"params.yaml: architectures.{error}") from None


def mark_of(params: Params, config: trained.Config, net: torch.nn.Module, source: str | None) -> str:
    code = sys.modules[type(net).__module__], *LEARNING
    return fingerprint(source or LOGMEL / "index.parquet", SPLIT, config, params.train, params.filter.balance, *code)


def main() -> None:
    source, params = source_argument(__doc__), load_params()
    split = pd.read_parquet(SPLIT)
    config, voices = from_stream(params, split, source) if source else from_store(params, split)
    model = build_seeded(config, params.train.seed)
    mark = mark_of(params, config, model.net, source)
    logs = LOGS / f"{params.model}-{mark}"
    with build_aside(MODEL, mark, joins=is_helper_rank()) as partial:
        learner = classifier.Classifier(model, config.groups, params.train)
        settings = {"model": params.model} | config.settings | asdict(params.train)
        history = training.fit(learner, voices, partial, logs, params.compute, settings)
        if is_helper_rank():
            return
        val = split[split["split"] == "val"]
        temperature = temperature_on(val, model, windows_of(val, config.frames, source), params.compute.device)
        trained.save(model, replace(config, temperature=temperature), partial)
        pd.DataFrame(history.rows).to_csv(partial / "history.csv", index=False)
        (partial / training.LAST).unlink()
    with written_whole(EFFORT) as temporary:
        facts = effort(model.net, history, params.compute.device)
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    best = history.rows[training.kept_epoch(history.rows, params.train)]
    print(
        f"train: {params.model}, {len(history.rows)} epochs; kept: epoch {best['epoch']}, "
        f"loss {best['val_loss']:.3f}, macro recall {best['val_macro_recall']:.3f}; TensorBoard: {logs}"
    )


def effort(net: torch.nn.Module, history: training.History, device: str) -> dict:
    """What training took; beside the model and not in it, for it differs from run to run."""
    return {
        "parameters": sum(each.numel() for each in net.parameters()),
        "epochs": len(history.rows),
        "train_seconds": round(sum(history.seconds), 1),
        "device": device,
    }


def is_helper_rank() -> bool:
    """True in the processes that Lightning starts beside this one for more devices: they share its build."""
    return os.environ.get("LOCAL_RANK", "0") != "0" or os.environ.get("NODE_RANK", "0") != "0"


if __name__ == "__main__":
    run_stage(main)
