"""Export: the trained model as files that run elsewhere: model.onnx, model.safetensors, config.json, about.json.

A plain command, not a stage: run it when the model is to leave the project.
"""

import json
from pathlib import Path

from models.exported import export
from models.trained import load
from pipeline import about, params
from pipeline.card import EVALUATION
from pipeline.split import REPORT
from pipeline.stage import build_aside, fingerprint, run_stage
from pipeline.train import MODEL

EXPORT = Path("data/export")


def about_trained(settings: params.Params) -> about.About:
    """What the stages have found out about the model in MODEL."""
    metrics = json.loads((EVALUATION / "metrics.json").read_text(encoding="utf-8"))
    certificate = json.loads(REPORT.read_text(encoding="utf-8"))
    return about.About(
        corpus=Path(settings.corpus).name,
        is_synthetic=settings.corpus.startswith("data/demo/"),
        leaks=metrics["leaks"],
        clips=certificate["splits"]["test"]["clips"],
        speakers=certificate["splits"]["test"]["speakers"],
        macro_recall=metrics["macro_recall"],
        macro_recall_low=metrics["macro_recall_low"],
        macro_recall_high=metrics["macro_recall_high"],
        unsure=settings.predict.unsure,
    )


def main() -> None:
    facts, (model, config) = about_trained(params.load_params()), load(MODEL)
    with build_aside(EXPORT, fingerprint(MODEL / "model.pth", config)) as partial:
        export(model, config, partial)
        about.write_about(facts, partial)
    for path in sorted(EXPORT.iterdir()):
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    run_stage(main)
