"""Exported: a voice encoder as one ONNX file, which says in its metadata what it is."""

import logging
import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from features.running.durable import written_whole

EXAMPLE = 80_000  # samples that are traced: several windows, since one would be taken for a constant


def write_encoder(encoder: nn.Module, about: Mapping[str, str], path: Path) -> None:
    """Write `path`, whole, the same to the byte on every run.

    Its network takes `samples`, (1, any number) float32 at 16 kHz, and gives `features`, (frames, values) float32.
    `about` becomes its metadata: name, hop and width in seconds, licence and source.

    By torch's older exporter: the present one unrolls recurrent layers over time.
    """
    samples = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (1, EXAMPLE)).astype(np.float32))
    with torch.inference_mode():
        values = encoder(samples).shape[1]
    network = onnx.load_from_string(traced(encoder, samples))
    frames, width = network.graph.output[0].type.tensor_type.shape.dim
    frames.dim_param, width.dim_value = "frames", values
    onnx.helper.set_model_props(network, dict(about))
    onnx.checker.check_model(network)
    with written_whole(path) as temporary:
        temporary.write_bytes(network.SerializeToString(deterministic=True))


def traced(encoder: nn.Module, samples: torch.Tensor) -> bytes:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    file, axes = BytesIO(), {"samples": {1: "samples"}, "features": {0: "frames"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter
        names = {"input_names": ["samples"], "output_names": ["features"], "dynamic_axes": axes}
        torch.onnx.export(encoder.eval(), (samples,), file, dynamo=False, opset_version=17, **names)
    return file.getvalue()
