"""Mark: 8 hex digits that change with everything a run's scores depend on, except its fold and its seed."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from pipeline.running.code import code_of
from pipeline.stage import UserError, fingerprint

RUN_STAGES = ("split", "train", "evaluate")
DATA_STAGES = ("tables", "filter", "pack", "decode")  # the stages whose outputs are the same for all folds and seeds
SCORING_LIBRARIES = ("numpy", "pandas", "pytorch-lightning", "scikit-learn", "scipy", "torch", "torchmetrics")


def marks_of(models: list[str]) -> dict[str, str]:
    """The mark of each architecture's runs. The caller must first bring the data up to date.

    Raises UserError if the split is a user's file that does not exist.
    """
    settings = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    alike = [
        settings["split"] | {"fold": None},
        settings["train"] | {"seed": None},
        settings["recipes"][settings["features"]],
        settings["filter"]["balance"],  # also decides how clips are drawn
        made_by_stages(),
        {name: version(name) for name in SCORING_LIBRARIES},
        *own_split(settings["split"]["by"]),
    ]
    return {
        model: fingerprint(settings["architectures"][model], *alike, *code_of_runs(model, settings["features"]))[:8]
        for model in models
    }


def code_of_runs(model: str, features: str) -> list[Path]:
    """The code of the stages that each run repeats."""
    return [file for stage in RUN_STAGES for file in code_of(stage, model=model, features=features)]


def made_by_stages() -> dict[str, Any]:
    """DVC's hashes of what DATA_STAGES read and made, including the corpus."""
    stages = yaml.safe_load(Path("dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {name: stages[name] for name in DATA_STAGES}


def own_split(by: str) -> list[Path]:
    path = Path(by)
    if path.suffix != ".csv":
        return []
    if not path.is_file():
        raise UserError(f"split.by is {path}: there is no such file")
    return [path]
