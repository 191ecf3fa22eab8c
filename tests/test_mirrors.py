"""Every file of code has its mirror in tests/, or the first line of a test file that reaches it says so."""

import re
from pathlib import Path

import pytest

FOLDERS = ("features", "models", "pipeline", "page")
FILES = sorted(path for folder in FOLDERS for path in Path(folder).rglob("*.py") if path.read_text(encoding="utf-8"))
NEAR = {folder: [Path("tests", folder), *([Path("tests/app")] if folder == "page" else [])] for folder in FOLDERS}


def first_lines(folder: str) -> str:
    """Of the test files that may name a file of this folder: those in its mirror, and those that run the whole."""
    paths = [path for near in NEAR[folder] for path in near.rglob("test_*.py")] + [*Path("tests").glob("test_*.py")]
    return "\n".join(path.read_text(encoding="utf-8").split("\n", 1)[0] for path in paths)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_file_is_tested_somewhere(path):
    mirror = Path("tests", path.parent, f"test_{path.stem}.py")
    named = re.search(rf"also[^)]*\b{re.escape(path.name)}", first_lines(path.parts[0]))
    assert mirror.is_file() or named or path.parent == Path("models/architectures")


def test_no_two_test_files_have_the_same_name():
    """Pytest, and the processes that tests start, would take one for the other."""
    names = [path.name for path in Path("tests").rglob("test_*.py")]
    assert len(names) == len(set(names))
