import io
import sys

import pytest
from tqdm import tqdm

from features.running.progress import BYTES, Lines, counted, duration, progress


class Clock:
    """Seconds that pass when a test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def told(capsys) -> list[str]:
    shown = capsys.readouterr()
    assert not shown.out
    assert "\r" not in shown.err
    return shown.err.splitlines()


def run(lines: Lines, clock: Clock, seconds: float, step: float = 0.5, each: int = 50) -> None:
    """Updates by `each`, one every `step` seconds."""
    for _ in range(round(seconds / step)):
        clock.now += step
        lines.update(each)


def test_what_ends_quickly_prints_nothing(capsys):
    clock = Clock()
    with Lines("decode", 1000, "clips", clock) as lines:
        run(lines, clock, 9.5)
    assert told(capsys) == []


def test_a_line_after_ten_seconds_then_every_thirty(capsys):
    clock = Clock()
    lines = Lines("decode", 450_000, "clips", clock)
    lines.update(0)
    run(lines, clock, 9.5)
    assert told(capsys) == []
    run(lines, clock, 0.5)
    assert told(capsys) == ["decode: 1,000 of 450,000 clips, 100 clips/s, 75 min left"]
    run(lines, clock, 29.5)
    assert told(capsys) == []
    run(lines, clock, 300)
    assert len(told(capsys)) == 10


def test_a_line_shows_bytes_rate_and_time_left(capsys):
    clock = Clock()
    lines = Lines("pack", 75 * 10**9, BYTES, clock)
    lines.update(0)
    clock.now += 125
    lines.update(12_250_000_000)
    assert told(capsys) == ["pack: 12.2 GB of 75.0 GB, 98 MB/s, 11 min left"]
    clock.now += 100
    lines.update(300_000_000)
    assert told(capsys) == ["pack: 12.6 GB of 75.0 GB, 3 MB/s, 5.8 h left"]


def test_what_an_earlier_run_made_does_not_count_for_the_rate(capsys):
    clock = Clock()
    lines = Lines("decode", 100_000, "clips", clock)
    lines.update(90_000)
    run(lines, clock, 10)
    assert told(capsys) == ["decode: 91,000 of 100,000 clips, 100 clips/s, 90 s left"]


def test_the_rate_is_the_latest(capsys):
    clock = Clock()
    lines = Lines("judge", None, "clips", clock)
    lines.update()
    run(lines, clock, 10, each=500)
    run(lines, clock, 30, each=1)
    assert [line.split(", ")[1] for line in told(capsys)] == ["1,000 clips/s", "2 clips/s"]


def test_a_standstill_prints_nothing(capsys):
    clock = Clock()
    lines = Lines("pack", 1000, BYTES, clock)
    lines.update(10)
    run(lines, clock, 100, each=0)
    assert told(capsys) == []


def test_a_slow_rate_keeps_its_digits(capsys):
    clock = Clock()
    lines = Lines("train, epoch 0", 20, "batches", clock)
    lines.update(0)
    run(lines, clock, 16, step=4, each=1)
    assert told(capsys) == ["train, epoch 0: 3 of 20 batches, 0.25 batches/s, 68 s left"]


def test_without_a_terminal_there_are_lines(capsys):
    assert isinstance(progress("pack", 10, "clips"), Lines)
    assert list(counted("abc", "pack", 3, "clips")) == ["a", "b", "c"]
    assert told(capsys) == []


@pytest.mark.parametrize(("unit", "shown"), [(BYTES, "1.50k/1.50k"), ("clips", "1500/1500")])
def test_on_a_terminal_there_is_a_bar(monkeypatch, unit, shown):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("pack", 1500, unit) as bar:
        assert isinstance(bar, tqdm)
        bar.update(1500)
    assert "\rpack: 100%|" in terminal.getvalue()
    assert shown in terminal.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (7200, "2.0 h")])
def test_durations(seconds, text):
    assert duration(seconds) == text
