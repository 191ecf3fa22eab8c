"""Signals: Ctrl-C and SIGTERM end a stage in a line, while it imports and while it works."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models.learning.checkpoints import BEFORE, LAST
from tests.project import ROOT, change

STAGES = "tables, filter, pack, decode, split"
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
    assert ended("train", "numpy.version", by, "-X", "importtime") == (128 + by, [f"train: {WORDS[by]}"])


@pytest.mark.parametrize("by", WORDS)
def test_while_it_learns_and_no_model_is_left(small, by):
    change(small, {"train": {"max_epochs": 1000, "patience": 1000}})
    python(f"from pipeline import {STAGES}\nfor stage in ({STAGES}): stage.main()")
    code, said = ended("train", "epoch   1", by)
    assert code == 128 + by
    assert said == [f"train: {WORDS[by]}"]
    assert not Path("data/model").exists()
    assert {LAST, BEFORE} & {path.name for path in Path("data/.partial").glob("model-*/*")}


def test_an_ignored_signal_stays_ignored():
    """As in the background of a script, where Ctrl-C is for others."""
    ignored, raised = "signal.signal(signal.SIGINT, signal.SIG_IGN)", "signal.raise_signal(signal.SIGINT)"
    python(f"import signal; from pipeline.running.signals import end_in_a_line; {ignored}; end_in_a_line(); {raised}")


def python(code: str) -> None:
    ran = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True)
    assert ran.returncode == 0, ran.stderr
