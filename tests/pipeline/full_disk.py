"""Full disks: a stage that cannot write ends in one line, and once there is room makes what it would have made.

Run by test_forks.py.
"""

import io
import os
import resource
import sys
from pathlib import Path

import pytest

from pipeline import decode, filter, pack, split, tables
from pipeline.paths import PARTIAL
from pipeline.stage import run_stage
from tests.pipeline.killing import bytes_under, forked

STAGES = {"tables": tables, "filter": filter, "pack": pack, "decode": decode, "split": split}


def run(name: str, most: int = resource.RLIM_INFINITY) -> tuple[int, list[str]]:
    """The exit code of a stage none of whose files may grow beyond `most` bytes, and its lines on standard error."""
    reading, writing = os.pipe()

    def limited() -> None:
        os.dup2(writing, 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        sys.argv = [f"{name}.py"]
        sys.stdout, sys.stderr = io.StringIO(), os.fdopen(2, "w")
        run_stage(STAGES[name].main)

    code = forked(limited)
    os.close(writing)
    with os.fdopen(reading) as said:
        return code, said.read().splitlines()


def made() -> dict[str, bytes]:
    left_aside = {"raw", PARTIAL.name}
    return {name: data for name, data in bytes_under(Path("data")).items() if name.split("/")[0] not in left_aside}


@pytest.mark.parametrize("name", STAGES)
def test_a_full_disk_is_one_line_and_the_rest_is_made_later(small, name):
    for before in list(STAGES)[: list(STAGES).index(name)]:
        assert run(before) == (0, [])
    before = made()
    assert run(name) == (0, [])
    whole = made()
    for path in set(whole) - set(before):
        Path("data", path).unlink()
    refused = 0
    for most in (0, 100, 3_000, 12_000, 30_000):
        code, said = run(name, most)
        if code == 0:
            break
        refused += 1
        assert len(said) == 1
        assert said[0].startswith(f"{name}: ")
        assert "File too large; make room and run it again" in said[0]
        assert not [path for path in Path("data").rglob(".*") if path != PARTIAL]
    assert refused > 1
    assert run(name) == (0, [])
    assert made() == whole
    assert not list(PARTIAL.iterdir())
