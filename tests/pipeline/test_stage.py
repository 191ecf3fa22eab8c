import subprocess
import sys
from pathlib import Path

import pytest

from features import logmel
from pipeline.stage import PARTIAL, UserError, build_aside, fingerprint, written_whole


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_an_output_appears_whole_or_not_at_all():
    out = Path("data/out")
    with pytest.raises(RuntimeError), build_aside(out, "a") as partial:
        (partial / "first").write_text("1")
        raise RuntimeError
    assert not out.exists()
    with build_aside(out, "a") as partial:
        assert (partial / "first").read_text() == "1"
        assert not out.exists()
    assert (out / "first").read_text() == "1"
    assert not list(PARTIAL.glob("out-*"))


def test_nothing_made_under_another_mark_is_taken_over():
    with pytest.raises(RuntimeError), build_aside(Path("data/out"), "a") as partial:
        (partial / "first").write_text("1")
        raise RuntimeError
    with build_aside(Path("data/out"), "b") as partial:
        assert not list(partial.iterdir())


def test_what_was_there_is_replaced():
    for text in ("1", "2"):
        with build_aside(Path("data/out"), text) as partial:
            (partial / "file").write_text(text)
    assert Path("data/out/file").read_text(encoding="utf-8") == "2"
    assert [path.name for path in PARTIAL.iterdir()] == ["out.lock"]


def test_two_processes_do_not_build_the_same():
    again = build_aside(Path("data/out"), "a")
    with build_aside(Path("data/out"), "a"), pytest.raises(UserError, match=r"process \d+ is still at work"):
        again.__enter__()


def test_a_lock_dies_with_its_process():
    code = (
        "import os; from pathlib import Path; from pipeline.stage import build_aside\n"
        "with build_aside(Path('data/out'), 'a'): os._exit(9)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(root)}).returncode == 9
    with build_aside(Path("data/out"), "a"):
        pass


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


def test_a_file_is_written_whole_or_not_at_all():
    Path("file").write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError), written_whole(Path("file")) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert Path("file").read_text(encoding="utf-8") == "old"
    assert [path.name for path in Path().iterdir()] == ["file"]


def test_a_users_error_is_one_line_and_no_traceback():
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
