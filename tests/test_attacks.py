"""A short cut of the attacks, each in a process of its own, whose memory is measured; and that a siege finds faults."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.attacks.siege import LOST, READ, REFUSED, TRACEBACK, Unaccounted, besiege, end_of
from pipeline.stage import UserError

ROOT = Path(__file__).parents[1]


ATTACKS = ["archives --tars 16 --gzips 6", "tables --tables 25", "sounds --mp3s 60 --others 50", "models --folders 50"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_inputs_are_read_or_refused_in_one_line(attack):
    command = [sys.executable, "-m", *f"benchmarks.attacks.{attack}".split()]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def raises(error: Exception):
    def attempt():
        raise error

    return attempt


@pytest.mark.parametrize(
    ("attempt", "end"),
    [
        (lambda: None, READ),
        (raises(UserError("one line")), REFUSED),
        (raises(UserError("two\nlines")), TRACEBACK),
        (raises(ValueError("a bug")), TRACEBACK),
        (raises(Unaccounted("a row")), LOST),
    ],
)
def test_every_outcome_is_recognised(attempt, end):
    assert end_of(attempt, "made so") == end


def test_a_siege_fails_if_something_is_written_outside(capsys):
    def inputs(outside):
        yield "harmless", lambda: Path("data/inside").write_bytes(b"")
        yield "evil", lambda: (outside / "evil").write_bytes(b"")

    with pytest.raises(SystemExit) as ended:
        besiege(inputs, "both")
    assert ended.value.code
    shown = capsys.readouterr()
    assert shown.err == "wrote outside data/: evil\n"
    assert "| both | 2 | 1 | 0 | 0 | 0 | 1 | 0 |" in shown.out


def test_a_siege_fails_if_something_takes_too_long(capsys):
    def inputs(outside):
        yield "endless", lambda: signal.raise_signal(signal.SIGPROF)  # as it comes when the time is up

    with pytest.raises(SystemExit) as ended:
        besiege(inputs, "one")
    assert ended.value.code
    assert "over 10 s: endless" in capsys.readouterr().err
