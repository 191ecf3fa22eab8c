"""A project with settings and nothing else, in which stages are run in a process of the tests."""

import shutil
from pathlib import Path

import pytest

from tests.project import ROOT


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stage"])
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path
