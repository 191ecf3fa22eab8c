"""Who may import whom: see the README."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

MAY_IMPORT = {
    "features": {"features"},
    "models": {"features", "models"},
    "pipeline": {"features", "models", "pipeline", "dvc"},
    "page": {"page"},
}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_folders_import_downwards(folder):
    forbidden = {"features", "models", "pipeline", "benchmarks", "tests", "app", "dvc"} - MAY_IMPORT[folder]
    for path in Path(folder).rglob("*.py"):
        assert not imported(path) & forbidden, path


def test_features_know_no_torch():
    for path in Path("features").rglob("*.py"):
        assert not imported(path) & {"torch", "torchaudio", "webdataset", "pytorch_lightning"}, path


@pytest.mark.parametrize("folder", ["features", "models/asking"])
def test_no_module_here_loads_torch_when_it_is_imported(folder):
    modules = [".".join(path.with_suffix("").parts) for path in Path(folder).rglob("*.py")]
    assert len(modules) > 4
    load = f"for name in {modules}: importlib.import_module(name)"
    code = f"import importlib, sys\n{load}\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("module", ["judged", "scores", "bootstrap", "breakdown"])
def test_scores_load_no_torch(module):
    code = f"import sys, models.judging.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("stage", ["demo", "tables", "filter", "pack", "decode", "split", "predict"])
def test_what_needs_no_torch_loads_none(stage):
    code = f"import sys, pipeline.{stage}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_page_imports_predict_alone():
    page = ast.parse(Path("app.py").read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(page) if isinstance(node, ast.ImportFrom)]
    ours = {node.module for node in nodes if node.module.split(".")[0] in {*MAY_IMPORT, "benchmarks", "tests"}}
    assert ours == {"pipeline.predict", "page.folder", "page.guard", "page.picture", "page.words"}
    assert not imported(Path("app.py")) & {"torch", "features", "models"}


def test_requirements_hold_what_the_page_loads_and_no_torch():
    """As on Hugging Face Spaces, where nothing else is installed; in the versions that were tested together."""
    code = (
        "import sys, app; print(*(module.__file__ for module in sys.modules.values() if hasattr(module, '__file__')))"
    )
    files = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    ours = [path for path in map(Path, files) if MAY_IMPORT.keys() & {*path.parts} or path.name == "app.py"]
    ours = [path for path in ours if path.is_relative_to(Path.cwd()) and ".venv" not in path.parts]
    loaded = set.union(*(imported_at_once(path) for path in ours)) - set(sys.stdlib_module_names)
    needed = loaded - {*MAY_IMPORT} | {"onnxruntime", "av"}
    pins = dict(re.findall(r"^([\w-]+)==(.+)$", Path("requirements.txt").read_text(encoding="utf-8"), re.MULTILINE))
    assert {{"pyyaml": "yaml"}.get(name, name.replace("-", "_")) for name in pins} == needed
    assert "torch" not in needed
    constraints = Path("constraints.txt").read_text(encoding="utf-8")
    tested = dict(re.findall(r"^([\w-]+)==(.+)$", constraints.lower(), re.MULTILINE))
    assert {name: tested[name] for name in pins} == pins


def imported_at_once(path: Path) -> set[str]:
    """What a module imports when it is itself imported: not what its functions do."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}
