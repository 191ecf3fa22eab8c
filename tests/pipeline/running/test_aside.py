import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.paths import PARTIAL
from pipeline.running import aside
from pipeline.running.aside import Finished, build_aside, build_resumed, locked, part_of
from pipeline.stage import UserError
from tests.pipeline.killing import bytes_under, killed_everywhere

ROOT = Path(__file__).parents[3]
OUT = Path("data/out")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def is_tidy() -> bool:
    return not list(PARTIAL.iterdir())


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_an_output_appears_whole_or_not_at_all():
    with pytest.raises(RuntimeError), build_aside(OUT, "a") as partial:
        (partial / "first").write_text("1")
        raise RuntimeError
    assert not OUT.exists()
    assert is_tidy()
    with build_aside(OUT, "a") as partial:
        assert not list(partial.iterdir())
        (partial / "first").write_text("1")
        assert not OUT.exists()
    assert contents(OUT) == {"first": "1"}
    assert is_tidy()


def test_an_output_that_does_not_resume_starts_empty_after_a_kill():
    part_of(OUT, "a").mkdir(parents=True)
    (part_of(OUT, "a") / "of an earlier run").write_text("half")
    with build_aside(OUT, "a") as partial:
        (partial / "first").write_text("1")
    assert contents(OUT) == {"first": "1"}


def build(folder: Path) -> Finished:
    """Two files in two steps, each made once, and a third that only helps to resume."""
    (folder / "help").write_text("to resume")
    for name in ("first", "second"):
        if not (folder / name).exists():
            (folder / name).write_text(name)
    return Finished(["first", "second"], "done", {"data/beside.txt": "effort"})


def test_a_resumed_build_keeps_what_is_there_and_only_what_it_names(capsys):
    def fails(folder):
        (folder / "first").write_text("kept from before")
        raise UserError

    with pytest.raises(UserError):
        build_resumed(OUT, "a", fails)
    build_resumed(OUT, "a", build)
    assert contents(OUT) == {"first": "kept from before", "second": "second"}
    assert Path("data/beside.txt").read_text(encoding="utf-8") == "effort"
    assert capsys.readouterr().out == "done\n"
    assert is_tidy()


def test_nothing_made_under_another_mark_is_reused():
    def fails(folder):
        (folder / "first").write_text("of a")
        raise UserError

    with pytest.raises(UserError):
        build_resumed(OUT, "a", fails)
    build_resumed(OUT, "b", build)
    assert contents(OUT)["first"] == "first"
    assert is_tidy()


def test_a_part_that_another_process_is_working_on_stays():
    part_of(OUT, "a").mkdir(parents=True)
    with locked(PARTIAL / "out-a.lock"):
        build_resumed(OUT, "b", build)
        assert part_of(OUT, "a").is_dir()


@pytest.mark.parametrize("other", ["data/out-2", "data/out.2", "data/2-out"])
def test_a_part_of_another_output_with_a_similar_name_stays(other):
    def fails(folder):
        (folder / "first").write_text("of the other")
        raise UserError

    with pytest.raises(UserError):
        build_resumed(Path(other), "a", fails)
    build_resumed(OUT, "a", build)
    assert contents(OUT)["first"] == "first"
    assert contents(part_of(Path(other), "a")) == {"first": "of the other"}


def test_what_was_there_is_replaced():
    for text in ("1", "2"):
        with build_aside(OUT, text) as partial:
            (partial / "file").write_text(text)
    assert contents(OUT) == {"file": "2"}
    assert is_tidy()


@pytest.mark.parametrize("there", ["a file", "a link"])
def test_anything_in_the_place_of_a_folder_is_replaced(there):
    OUT.parent.mkdir()
    if there == "a file":
        OUT.write_text("1", encoding="utf-8")
    else:
        OUT.symlink_to("nowhere")
    build_resumed(OUT, "a", build)
    assert set(contents(OUT)) == {"first", "second"}


def test_an_output_on_another_disk_is_copied_there(monkeypatch, tmp_path_factory):
    elsewhere = Path("/dev/shm")  # noqa: S108 - a disk of its own, where there is one
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == Path().stat().st_dev:
        pytest.skip("there is no second disk")
    Path("data").mkdir()
    far = elsewhere / f"voice-age-{os.getpid()}"
    far.mkdir()
    PARTIAL.symlink_to(far)
    build_resumed(OUT, "a", build)
    build_resumed(OUT, "b", build)
    assert set(contents(OUT)) == {"first", "second"}
    assert is_tidy()
    far.rmdir()


def test_two_processes_do_not_build_the_same_output():
    again = build_aside(OUT, "a")
    with build_aside(OUT, "a"), pytest.raises(UserError, match=r"process \d+ is still working"):
        again.__enter__()


def test_a_lock_dies_with_its_process():
    code = (
        "import os; from pathlib import Path; from pipeline.running.aside import build_aside\n"
        "with build_aside(Path('data/out'), 'a'): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}).returncode == 9
    with build_aside(OUT, "a"):
        pass
    assert is_tidy()


def build_all_at_once() -> None:
    with build_aside(OUT, "a") as folder:
        (folder / "first").write_text("1")
        (folder / "second").write_text("2")


@pytest.mark.parametrize("way", [build_all_at_once, lambda: build_resumed(OUT, "a", build)], ids=["aside", "resumed"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_kill_at_any_change_costs_nothing(way, is_first, tmp_path):
    def reset():
        shutil.rmtree("data", ignore_errors=True)
        part_of(OUT, "b").mkdir(parents=True)  # of other settings, killed before
        (part_of(OUT, "b") / "half").touch()
        if not is_first:
            OUT.mkdir()
            (OUT / "of the last run").touch()

    assert killed_everywhere(way, tmp_path, lambda: bytes_under(OUT), reset) > 10


def test_an_experiment_in_a_copy_spares_what_others_were_killed_at(tmp_path, monkeypatch):
    monkeypatch.setattr(aside, "PARTIAL", tmp_path / "data/.partial")
    killed = part_of(OUT, "b")
    killed.mkdir(parents=True)
    for folder, spared in ((tmp_path / ".dvc/tmp/exps/standalone/tmp1", True), (tmp_path, False)):
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(folder)
        build_resumed(OUT, "a", build)
        assert contents(OUT) == {"first": "first", "second": "second"}
        assert killed.exists() == spared
        assert not part_of(OUT, "a").exists()
