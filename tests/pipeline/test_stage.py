import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from features.front_ends import logmel
from pipeline.stage import fingerprint


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_fingerprint_changes_with_any_part(front_end):
    Path("file").write_text("1", encoding="utf-8")
    marks = {
        fingerprint(Path("file"), front_end),
        fingerprint(Path("file"), front_end, logmel),
        fingerprint(Path("file"), front_end, {"a": 1}),
        fingerprint(Path("file"), front_end, {"a": 2}),
    }
    Path("file").write_text("2", encoding="utf-8")
    marks.add(fingerprint(Path("file"), front_end))
    assert len(marks) == 5


def test_a_user_error_is_one_line_without_a_traceback():
    code = (
        "from pipeline.stage import UserError, run_stage\n"
        "def main(): raise UserError('the corpus is not there')\n"
        "run_stage(main)"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.endswith("the corpus is not there\n")
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(("error", "tracebacks"), [("OSError(28, 'full')", 0), ("ValueError('a fault')", 2)])
def test_a_system_error_in_a_thread_is_reported_once_by_main(error, tracebacks):
    code = (
        "import threading; from pipeline.stage import run_stage\n"
        f"def fails(): raise {error}\n"
        "def main():\n"
        "    thread = threading.Thread(target=fails); thread.start(); thread.join()\n"
        "    fails()\n"
        "run_stage(main)"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.count("Traceback") == tracebacks
    assert tracebacks or run.stderr.count("\n") == 1


def run_behind(reader: str, code: str) -> tuple[int, str]:
    """The exit code of Python code whose output goes to `reader`, and what it says on standard error."""
    root = Path(__file__).parents[2]
    command = f'"{sys.executable}" -c "$CODE" | {reader}; echo "${{PIPESTATUS[0]}}"'
    environment = {"PYTHONPATH": str(root), "CODE": code, "PATH": os.defpath}
    ran = subprocess.run(["/bin/bash", "-c", command], env=environment, capture_output=True, text=True)
    return int(ran.stdout.splitlines()[-1]), ran.stderr


@pytest.mark.parametrize("printed", ["100_000", "1"])  # while it runs, and when it ends
def test_a_reader_that_stops_is_not_an_error(printed):
    code = f"from pipeline.stage import run_stage\nrun_stage(lambda: [print('line') for _ in range({printed})])"
    assert run_behind("sleep 0", code) == (128 + signal.SIGPIPE, "")


def test_another_broken_pipe_is_an_error():
    code = "from pipeline.stage import run_stage\ndef main(): raise BrokenPipeError(32, 'Broken pipe')\nrun_stage(main)"
    assert run_behind("cat", code) == (1, "-c: Broken pipe\n")
