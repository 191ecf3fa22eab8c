"""Tiny: models with random weights, quick to make and to run; those in ONNX need no torch."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from features.front_end import Reading
from features.front_ends.opening import describe
from models.config import Config
from models.origin import CorpusFacts, Origin, SplitFacts
from models.recipe import Masks, Recipe

LOGMEL = {"n_mels": 64, "window": 0.025, "hop": 0.010, "f_min": 20, "f_max": 7600}
FRONT_END = describe("logmel", Reading(16000, 40, 0.5, 60), LOGMEL)
GROUPS, YEARS = ["young", "middle", "old"], [20.0, 40.0, 70.0]
FRAMES = 60
RECIPE = Recipe(FRAMES, 8, 6, 4, "val_loss", "cross_entropy", 0.003, 0.01, 1.0, 1, 0, Masks(1, 4, 1, 4))
AGES = {"young": ["teens"], "middle": ["forties"], "old": ["sixties"]}
ORIGIN = Origin(
    CorpusFacts("corpus.tar.gz", False, {"validated": 240}), SplitFacts("speaker", 0, AGES, "0123456789abcdef"), RECIPE
)
SETTINGS = {
    "cnn": {"channels": [4, 4, 4], "dropout": 0.1},
    "rnn": {"hidden": 8, "layers": 2, "dropout": 0.1},
    "tcn": {"channels": 8, "kernel": 3, "dropout": 0.1},
    "ecapa": {"channels": 8, "scale": 2, "embedding": 8, "dropout": 0.1},
    "cepstral": {"cepstra": 13, "lags": [1, 4]},
}


def tiny(architecture: str) -> Config:
    mean, deviation = [-7.0] * FRONT_END.values, [2.5] * FRONT_END.values
    return Config(architecture, SETTINGS[architecture], GROUPS, FRAMES, FRONT_END, mean, deviation, YEARS, 0.9, ORIGIN)


def write_linear(folder: Path) -> None:
    """Write a model folder as `export` does, with a network that only weights the bands."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(asdict(tiny("cnn"))), encoding="utf-8")
    onnx.save(linear(), folder / "model.onnx")


def linear(
    groups: int = len(GROUPS),
    weight: float = 0.01,
    feature: str = "features",
    kind: int = TensorProto.FLOAT16,
    batch: str | int = "batch",
) -> onnx.ModelProto:
    """A network: the mean over time, times a matrix with entries about as large as `weight`."""
    weights = weight * np.random.default_rng(0).standard_normal((FRONT_END.values, groups)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", [feature], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info(feature, kind, [batch, FRAMES, FRONT_END.values])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, groups])],
        [numpy_helper.from_array(weights, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
