"""Exported: a trained model in formats that other programs read, ONNX and safetensors."""

import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from safetensors.torch import save_file
from torch import nn

from models.config import Config
from models.learning.classifier import Normalised
from models.learning.trained import write_config

EXAMPLE = 2  # windows in the traced batch; a batch of one would be taken for a constant


def export(model: Normalised, config: Config, folder: Path) -> None:
    """Write `model.onnx`, `model.safetensors` and `config.json`.

    The ONNX model takes `features` as the store has them, (any batch, frames, values) float16, normalises them itself,
    and returns `logits`, (batch, groups). The safetensors hold the same weights as model.pth.
    """
    write_onnx(model.eval(), np.zeros((EXAMPLE, config.frames, config.front_end.values), np.float16), folder)
    save_file({name: each.contiguous() for name, each in model.net.state_dict().items()}, folder / "model.safetensors")
    write_config(config, folder)


def write_onnx(model: Normalised, example: np.ndarray, folder: Path) -> None:
    """With torch's current exporter, or with its older one for networks with recurrent layers.

    The current one unrolls them over time, which took three minutes and ten times the bytes for the RNN. The older one
    gives dilated convolutions a padding, and attention a batch, that ONNX Runtime refuses.
    """
    features, path = torch.from_numpy(example), folder / "model.onnx"
    names = {"input_names": ["features"], "output_names": ["logits"]}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporters
        if any(isinstance(layer, nn.RNNBase) for layer in model.modules()):
            axes = {"features": {0: "batch"}, "logits": {0: "batch"}}
            torch.onnx.export(model, (features,), path, dynamo=False, dynamic_axes=axes, **names)
        else:
            batch = ({0: torch.export.Dim("batch")},)
            torch.onnx.export(
                model, (features,), path, dynamic_shapes=batch, external_data=False, verbose=False, **names
            )
    forget_sources(path)


def forget_sources(path: Path) -> None:
    """Remove what the exporters note beside each node: where in the code it comes from, with this machine's paths."""
    network = onnx.load(path)
    graph = network.graph
    for each in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        each.ClearField("metadata_props")
        each.ClearField("doc_string")
    path.write_bytes(network.SerializeToString(deterministic=True))
