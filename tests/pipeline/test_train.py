import json
from pathlib import Path

import pytest

from features.front_end import FrontEnd, Reading
from models.config import Config
from pipeline import decode, filter, pack, split, tables, train
from pipeline.stage import UserError
from pipeline.train import build_seeded, is_helper_rank
from tests.features.front_ends.test_encoder import VALUES, use_encoder
from tests.project import change

RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")


@pytest.mark.parametrize(
    ("environment", "is_helper"),
    [
        ({}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "0"}, False),  # by hand, on two nodes
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, True),
        ({"LOCAL_RANK": "1", "NODE_RANK": "0"}, True),  # Lightning's second device
        ({"SLURM_PROCID": "0", "SLURM_LOCALID": "0"}, False),  # srun
        ({"SLURM_PROCID": "5", "SLURM_LOCALID": "1", "SLURM_NODEID": "1"}, True),
        ({"SLURM_PROCID": "4", "SLURM_LOCALID": "0", "SLURM_NODEID": "1"}, True),
        ({"SLURM_PROCID": "0", "LOCAL_RANK": "1"}, True),  # Lightning's second device, in a job of one task
        ({"RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0"}, False),  # torchrun
        ({"RANK": "4", "LOCAL_RANK": "0", "GROUP_RANK": "1"}, True),
        ({"RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0", "SLURM_PROCID": "1"}, False),  # torchrun under srun
        ({"RANK": "4", "LOCAL_RANK": "0", "GROUP_RANK": "1", "SLURM_PROCID": "0"}, True),
        ({"JSM_NAMESPACE_RANK": "1"}, True),  # jsrun
    ],
)
def test_one_process_leads_whatever_starts_them(monkeypatch, environment, is_helper):
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_helper_rank() == is_helper


def test_a_crop_that_is_too_short_for_the_architecture_is_told_in_frames_and_seconds():
    sound, settings = Reading(16000, trim=40, shortest=0.5, longest=60), {"file": "dvector.onnx", "sha256": "0" * 64}
    front_end = FrontEnd("dvector", sound, settings, values=256, hop=0.8)
    settings = {"channels": [4, 4, 4], "dropout": 0.1}
    config = Config("cnn", settings, ["young", "old"], 5, front_end, [0.0] * 256, [1.0] * 256, [20.0, 60.0])
    with pytest.raises(UserError, match=r"^cnn needs at least 11 frames a crop: dvector gives 5 in 4 s$"):
        build_seeded(config, seed=0)


def test_it_learns_from_a_stream_of_an_encoders_features_and_refuses_those_of_another(small, monkeypatch):
    change(small, use_encoder(small) | {"train": {"crop": 0.5}})
    for stage in (tables, filter, pack, decode, split):
        stage.main()
    monkeypatch.setattr("sys.argv", ["train", "--source", "data/features/{00000..00002}.tar"])
    train.main()
    config = json.loads(Path("data/model/config.json").read_text(encoding="utf-8"))
    assert (config["front_end"]["name"], config["frames"], len(config["mean"])) == ("encoder", 2, VALUES)
    change(small, {"features": "logmel"})
    with pytest.raises(UserError, match=r"has 3 values .* features in params\.yaml is logmel, which gives 64$"):
        train.main()
