import pytest

from pipeline.train import is_helper_rank

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
