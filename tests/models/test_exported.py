"""Exported: ONNX agrees with torch, and a broken model is one line (also answer.py, network.py, trained.py)."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import yaml
from safetensors.torch import load_file

from benchmarks.attacks.tiny import linear, write_linear
from models.architectures import ARCHITECTURES
from models.architectures.layers import Layers
from models.asking.network import by_torch, open_network
from models.asking.predictor import Predictor
from models.config import Config, ModelError, read_config
from models.exported import export
from models.learning.trained import fresh, load, save, write_config

SETTINGS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["architectures"]
SETTINGS |= {  # small versions of those that are slow to export
    "cnn": {"channels": [4, 4, 4], "dropout": 0.1},
    "rnn": {"hidden": 8, "layers": 2, "dropout": 0.1},
    "bigru": {"hidden": 8, "layers": 2, "dropout": 0.1},
    "tcn": {"channels": 8, "kernel": 3, "dropout": 0.1},
    "crnn": {"channels": [4, 4], "hidden": 8, "dropout": 0.1},
    "ecapa": {"channels": 8, "scale": 2, "embedding": 8, "dropout": 0.1},
    "resnet": {"channels": [4, 4, 4, 8], "dropout": 0.1},
    "conformer": {"dimension": 16, "heads": 2, "layers": 1, "kernel": 5, "dropout": 0.1},
    "layers": {"layers": 4, "deviation": True},
}
N_MELS, FRAMES = 64, 60


def config_of(name: str, front_end) -> Config:
    random = np.random.default_rng(0)
    mean, deviation = random.normal(-6, 1, N_MELS), random.uniform(1, 3, N_MELS)
    groups = ["young", "middle", "old"]
    return Config(
        name, SETTINGS[name], groups, FRAMES, front_end, mean.tolist(), deviation.tolist(), [20.0, 40.0, 70.0], 1.3
    )


def trained(config: Config):
    """A model with no layer as it starts, with zero weights or statistics of 0 and 1."""
    torch.manual_seed(0)
    model = fresh(config)
    for layer in model.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 2)
        elif isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight, std=0.1)
        elif isinstance(layer, Layers):
            torch.nn.init.normal_(layer.weights)
    return model.eval()


def features(batch: int) -> np.ndarray:
    return np.random.default_rng(batch).normal(-6, 2, (batch, FRAMES, N_MELS)).astype(np.float16)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_onnx_runtime_agrees_with_torch_at_any_batch(name, front_end, tmp_path):
    config = config_of(name, front_end)
    model = trained(config)
    export(model, config, tmp_path)
    onnx.checker.check_model(tmp_path / "model.onnx", full_check=True)
    assert str(Path.cwd()).encode() not in (tmp_path / "model.onnx").read_bytes()  # it may go to strangers
    run = open_network(tmp_path)
    for batch in (1, 2, 3, 17):
        with torch.inference_mode():
            expected = model(torch.from_numpy(features(batch))).numpy()
        assert np.ptp(expected) > 1e-2  # otherwise agreement would mean nothing
        np.testing.assert_allclose(run(features(batch)), expected, atol=1e-4)


def test_safetensors_and_config_make_the_same_model(front_end, tmp_path):
    config = config_of("cnn", front_end)
    model = trained(config)
    export(model, config, tmp_path)
    assert read_config(tmp_path) == config
    again = fresh(read_config(tmp_path))
    again.net.load_state_dict(load_file(tmp_path / "model.safetensors"))
    given = torch.from_numpy(features(3))
    torch.testing.assert_close(again.eval()(given), model(given))


def test_without_onnx_torch_runs_the_same(front_end, tmp_path):
    config = config_of("tcn", front_end)
    model = trained(config)
    save(model, config, tmp_path)
    expected = by_torch(tmp_path)(features(5))
    export(model, config, tmp_path)
    np.testing.assert_allclose(open_network(tmp_path)(features(5)), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["model.onnx", "model.pth"])
def test_a_damaged_model_is_named(name, front_end, tmp_path):
    save(trained(config_of("cnn", front_end)), config_of("cnn", front_end), tmp_path)
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ModelError, match=f"{name} cannot be run: "):
        open_network(tmp_path)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (linear(groups=4), "it returns shape (1, 4) instead of (1, 3), a column for each group"),
        (linear(weight=np.nan), "it returns numbers that are not finite"),
        (linear(weight=1e38), "it returns numbers that are not finite"),
        (linear(feature="sound"), "Required inputs (['sound']) are missing"),
        (linear(kind=onnx.TensorProto.FLOAT), "Unexpected input data type"),
        (linear(batch=2), "Got invalid dimensions for input"),
    ],
    ids=["columns", "nan", "huge", "name", "type", "batch"],
)
def test_a_network_without_a_valid_answer_is_refused_on_opening(network, said, tmp_path, capfd):
    write_linear(tmp_path / "model")
    assert open_network(tmp_path / "model")(features(3)).shape == (3, 3)
    onnx.save(network, tmp_path / "model/model.onnx")
    with pytest.raises(ModelError, match=rf"^[^\n]*model\.onnx cannot be run: [^\n]*{re.escape(said)}[^\n]*$"):
        open_network(tmp_path / "model")
    assert capfd.readouterr() == ("", "")


def test_a_network_that_fails_later_is_named(tmp_path):
    write_linear(tmp_path / "model")
    onnx.save(linear(batch=1), tmp_path / "model/model.onnx")
    run = open_network(tmp_path / "model")
    with pytest.raises(ModelError, match=r"model\.onnx cannot be run: [^\n]*invalid dimensions[^\n]*$"):
        run(features(2))


def without(state: dict, name: str) -> dict:
    return {key: weights for key, weights in state.items() if key != name}


LAST = "classify.2.weight"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state | {LAST: torch.full_like(state[LAST], np.nan)}, "it returns numbers that are not finite"),
        (lambda state: state | {LAST: state[LAST][:2]}, f"{LAST} is torch.float32 of shape (2,"),
        (lambda state: state | {LAST: state[LAST].half()}, f"{LAST} is torch.float16 of shape (3,"),
        (lambda state: without(state, LAST), f"{LAST} is missing, not torch.float32 of shape (3,"),
        (lambda state: state | {"a\nb": torch.zeros(1)}, "do not match config.json: a b is not one of them"),
        (lambda state: [], "it does not hold named weights"),
        (lambda state: state | {"path": Path()}, "it is damaged, or holds more than weights"),
    ],
    ids=["nan", "shape", "type", "missing", "more", "list", "object"],
)
def test_weights_that_do_not_match_the_config_are_refused(change, said, front_end, tmp_path):
    config = config_of("cnn", front_end)
    model = trained(config)
    save(model, config, tmp_path)
    torch.save(change(model.net.state_dict()), tmp_path / "model.pth")
    lines = []
    for opened in (load, open_network, lambda folder: Predictor(folder, unsure=0)):
        with pytest.raises(ModelError) as error:
            opened(tmp_path)
        lines.append(str(error.value))
    assert len(set(lines)) == 1
    assert lines[0].startswith(f"{tmp_path}/model.pth cannot be run: ")
    assert said in lines[0]
    assert "\n" not in lines[0]


def test_a_model_that_takes_more_than_its_file_holds_is_refused(front_end, tmp_path):
    config = replace(config_of("cnn", front_end), settings={"channels": [2048] * 3, "dropout": 0}, frames=5000)
    with torch.device("meta"):
        shapes = fresh(config).net.state_dict()
    torch.save({n: torch.zeros((), dtype=w.dtype).expand(w.shape) for n, w in shapes.items()}, tmp_path / "model.pth")
    write_config(config, tmp_path)
    assert (tmp_path / "model.pth").stat().st_size < 10_000
    with pytest.raises(ModelError, match=r"the model takes 916,095,004 bytes, and the file has [0-9],[0-9]{3}$"):
        load(tmp_path)


def test_a_folder_without_a_model_says_what_is_missing(front_end, tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        read_config(tmp_path)
    with pytest.raises(ModelError, match=r"neither model\.onnx nor model\.pth"):
        open_network(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "cnn"}))
    with pytest.raises(ModelError, match="does not describe a model"):
        read_config(tmp_path)
