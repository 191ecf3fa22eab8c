"""Signals: Ctrl-C and SIGTERM end a stage in a line, while it imports and while it works."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models.checkpoints import BEFORE, LAST
from pipeline import decode, filter, pack, split, tables
from tests.pipeline.killing import forked
from tests.project import ROOT, change

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


def heed_signals() -> None:
    for each in WORDS:
        signal.signal(each, signal.SIG_DFL)


def ended(stage: str, sign: str, by: signal.Signals, *options: str) -> tuple[int, list[str]]:
    """The exit code of a stage that gets a signal once it writes `sign`, and what it says on standard error."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-u", *options, "-m", f"pipeline.{stage}"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    alone = {"start_new_session": True, "preexec_fn": heed_signals}  # whatever these tests were started to ignore
    with subprocess.Popen(command, env=environment, **pipes, **alone) as process:
        said = []
        for line in process.stdout:
            said.append(line.rstrip())
            if sign in line:
                os.killpg(process.pid, by)  # as a terminal does, to workers too
                break
        else:
            pytest.fail(f"{stage} ended without {sign}: {said}")
        said += process.stdout.read().splitlines()
    return process.returncode, [line for line in said if not line.startswith(("import time:", "epoch "))]


@pytest.mark.parametrize("by", WORDS)
def test_while_it_imports(small, by):
    assert ended("train", "| numpy", by, "-X", "importtime") == (128 + by, [f"train: {WORDS[by]}"])


@pytest.mark.parametrize("by", WORDS)
def test_while_it_learns_and_no_model_is_left(small, by):
    change(small, {"train": {"max_epochs": 1000, "patience": 1000}})
    for stage in (tables, filter, pack, decode, split):
        assert forked(stage.main) == 0
    code, said = ended("train", "epoch   1", by)
    assert code == 128 + by
    assert said == [f"train: {WORDS[by]}"]
    assert not Path("data/model").exists()
    assert {LAST, BEFORE} & {path.name for path in Path("data/.partial").glob("model-*/*")}


def test_a_signal_that_is_ignored_stays_so(small):
    """As in the background of a script, where Ctrl-C is for others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert forked(tables.main) == 0
        code = "import signal, sys; import pipeline.signals as s; s.end_in_a_line(); signal.raise_signal(signal.SIGINT)"
        assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}).returncode == 0
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
