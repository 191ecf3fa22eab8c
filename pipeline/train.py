"""Train: fits the chosen architecture to the train clips, and keeps its best epoch on val."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import torch

from features.front_end import FrontEnd
from features.store import Store
from models import calibration
from models.architectures.sizes import ShortCropError
from models.learning import classifier, data, streaming, trained, training
from models.learning.finite import LossError
from models.origin import CorpusFacts, Origin, SplitFacts
from models.recipe import Recipe
from pipeline.params import Params, load_params
from pipeline.paths import EFFORT, FEATURES, LOGS, MODEL, SPLIT, SPLIT_REPORT
from pipeline.running.aside import Finished, build_resumed, part_of
from pipeline.running.code import code_of
from pipeline.running.output import read_json
from pipeline.splits.clips import judge_clips, source_argument
from pipeline.splits.written import read_split
from pipeline.stage import UserError, fingerprint, run_stage


def from_store(params: Params, split: pd.DataFrame) -> tuple[trained.Config, data.VoiceData]:
    store = Store(FEATURES)
    return configure(params, store, split), voice_data(store, split, params)


def from_stream(params: Params, split: pd.DataFrame, source: str) -> tuple[trained.Config, streaming.StreamedData]:
    """Like `from_store`, with the front-end of the settings and normalisation from the first clips that arrive.

    Raises UserError if these have another number of values a frame than that front-end gives.
    """
    target_of = {
        name: dict(zip(part["key"], part["group"].cat.codes.tolist(), strict=True))
        for name, part in split.groupby("split", observed=True)
    }
    statistics = streaming.streamed_normalisation(streaming.Clips(source, target_of["train"]))
    front_end, found = params.front_end(), len(statistics[0])
    if found != front_end.values:
        raise UserError(
            f"{source} has {found} values a frame: features in params.yaml is {front_end.name}, "
            f"which gives {front_end.values}"
        )
    config = configured(params, split, front_end, statistics)
    weight_of = stream_weights(split[split["split"] == "train"]) if params.filter.balance == "keep" else None
    workers = params.compute.loader_workers
    return config, streaming.StreamedData(source, target_of, config.frames, params.train, workers, weight_of)


def stream_weights(train: pd.DataFrame) -> dict[str, float]:
    """How often each clip, by key, comes per epoch so that groups and their speakers come evenly."""
    speakers, _ = pd.factorize(train["speaker"])
    weights = streaming.even_weights(train["group"].cat.codes.to_numpy("int64"), speakers)
    return dict(zip(train["key"], weights.tolist(), strict=True))


def configure(params: Params, store: Store, split: pd.DataFrame) -> trained.Config:
    """Everything needed to use the model again, from the settings and train's statistics."""
    train_rows = store.rows_of(split["key"][split["split"] == "train"])
    return configured(params, split, store.front_end, data.normalisation(store, train_rows))


def configured(params: Params, split: pd.DataFrame, front_end: FrontEnd, statistics: tuple) -> trained.Config:
    mean, deviation = statistics
    return trained.Config(
        architecture=params.model,
        settings=params.architectures[params.model],
        groups=list(split["group"].cat.categories),
        frames=params.train.frames(front_end.hop),
        front_end=front_end,
        mean=mean.tolist(),
        deviation=deviation.tolist(),
        years=mean_ages(split[split["split"] == "train"]),
    )


def origin_of(recipe: Recipe) -> Origin:
    """What the model is trained on, from the split's certificate."""
    return Origin(read_json(SPLIT_REPORT, CorpusFacts, "corpus"), read_json(SPLIT_REPORT, SplitFacts), recipe)


def mean_ages(clips: pd.DataFrame) -> list[float]:
    """The mean age of each group's clips, in years."""
    return clips["years"].groupby(clips["group"], observed=False).mean().round(2).tolist()


def voice_data(store: Store, split: pd.DataFrame, params: Params) -> data.VoiceData:
    """Train and val. If the filter did not balance groups, they and their speakers are drawn evenly."""
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
    """The model, with weights drawn from the seed.

    Raises UserError for settings that its architecture refuses, and for crops that are too short for it.
    """
    torch.manual_seed(seed)
    try:
        return trained.fresh(config)
    except ShortCropError as error:
        front_end, frames = config.front_end, config.frames
        raise UserError(f"{error}: {front_end.name} gives {frames} in {frames * front_end.hop:g} s") from None
    except ValueError as error:
        raise UserError(f"params.yaml: architectures.{error}") from None


def mark_of(params: Params, config: trained.Config, source: str | None) -> str:
    data, code = source or FEATURES / "index.parquet", code_of("train", model=params.model, features=params.features)
    return fingerprint(data, SPLIT, config, params.train, params.filter.balance, *code)


def main() -> None:
    source, params = source_argument(__doc__), load_params()
    split, origin = read_split(), origin_of(params.train)
    config, voices = from_stream(params, split, source) if source else from_store(params, split)
    config = replace(config, origin=origin)
    model = build_seeded(config, params.train.seed)
    mark = mark_of(params, config, source)
    logs = LOGS / f"{params.model}-{mark}"

    def learn(folder: Path) -> training.History:
        learner = classifier.Classifier(model, config.groups, params.train)
        settings = {"model": params.model} | config.settings | asdict(params.train)
        try:
            return training.fit(learner, voices, folder, logs, params.compute, settings)
        except LossError as error:
            raise UserError(str(error)) from None

    def build(folder: Path) -> Finished:
        history = learn(folder)
        val = split[split["split"] == "val"]
        probabilities = judge_clips(val, model, config.frames, source or voices.store, params.compute.device)
        temperature = calibration.fit_temperature(probabilities, val["group"].cat.codes.to_numpy("int64"))
        trained.save(model, replace(config, temperature=temperature), folder)
        pd.DataFrame(history.rows).to_csv(folder / "history.csv", index=False)
        effort = effort_of(model.net, history, params.compute.device)
        return Finished(
            files=["model.pth", "config.json", "history.csv"],
            said=f"train: {params.model}, {described(history, params.train)}; TensorBoard: {logs}",
            beside={str(EFFORT): json.dumps(effort, indent=2) + "\n"},
        )

    if is_helper_rank():
        learn(part_of(MODEL, mark))
    else:
        build_resumed(MODEL, mark, build)


def described(history: training.History, recipe: Recipe) -> str:
    best = history.rows[training.kept_epoch(history.rows, recipe)]
    return (
        f"{len(history.rows)} epochs; kept: epoch {best['epoch']}, "
        f"loss {best['val_loss']:.3f}, macro recall {best['val_macro_recall']:.3f}"
    )


def effort_of(net: torch.nn.Module, history: training.History, device: str) -> dict:
    """What training cost; kept beside the model, not in it, because it differs from run to run."""
    return {
        "parameters": sum(each.numel() for each in net.parameters()),
        "epochs": len(history.rows),
        "train_seconds": round(sum(history.seconds), 1),
        "device": device,
    }


def is_helper_rank() -> bool:
    """True in all training processes but the first, whose build they share, whoever started them: Lightning, a user,
    torchrun (RANK, GROUP_RANK), SLURM (SLURM_PROCID) or LSF (JSM_NAMESPACE_RANK).
    """

    def is_later(*names: str) -> bool:
        return any(os.environ.get(name, "0") != "0" for name in names)

    if "RANK" in os.environ:  # the global rank; torchrun's first process may be in any SLURM task
        return is_later("RANK", "LOCAL_RANK")
    return is_later("LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")


if __name__ == "__main__":
    run_stage(main)
