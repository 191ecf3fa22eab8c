"""Environment: a missing library is one line (also __init__.py)."""

import subprocess
import sys

import pytest

from pipeline.running.environment import explain_import


@pytest.mark.parametrize("program", [["-m", "pipeline.predict"], ["-m", "pipeline.share", "pull"], ["app.py"]])
def test_outside_the_environment_one_line_says_how_to_get_in(program):
    bare = [sys.executable, "-S"]  # without the folder of installed libraries
    ran = subprocess.run([*bare, *program], capture_output=True, text=True)
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
    assert "source .venv/bin/activate" in ran.stderr


def test_a_missing_module_of_ours_is_a_bug_and_shown_as_one(capsys):
    error = ModuleNotFoundError("No module named 'models.absent'", name="models.absent")
    explain_import(ModuleNotFoundError, error, None)
    assert capsys.readouterr().err == "ModuleNotFoundError: No module named 'models.absent'\n"
