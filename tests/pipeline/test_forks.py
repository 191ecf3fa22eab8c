"""Tests that fork, in a process of their own: a fork of one whose threads are at work, as torch has them, may hang."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT


@pytest.mark.parametrize("name", [pytest.param("kills", marks=pytest.mark.sweep), "full_disk"])
def test_in_a_process_of_its_own(name):
    file = Path(__file__).with_name(f"{name}.py")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(file)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-5000:]
