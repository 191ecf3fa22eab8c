"""Who may import whom: see the README."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

MAY_IMPORT = {
    "features": {"features"},
    "models": {"features", "models"},
    "pipeline": {"features", "models", "pipeline", "dvc"},
}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_folders_import_downwards(folder):
    forbidden = {"features", "models", "pipeline", "benchmarks", "tests", "app", "dvc"} - MAY_IMPORT[folder]
    for path in Path(folder).glob("*.py"):
        assert not imported(path) & forbidden, path


def test_features_know_no_torch():
    for path in Path("features").glob("*.py"):
        assert not imported(path) & {"torch", "torchaudio", "webdataset", "pytorch_lightning"}, path


@pytest.mark.parametrize("stage", ["demo", "tables", "filter", "pack", "decode", "split"])
def test_stages_before_training_load_no_torch(stage):
    code = f"import sys, pipeline.{stage}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
