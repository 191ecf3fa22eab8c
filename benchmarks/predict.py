"""How many clips per second does predict judge on one core, compared with bare decoding?

It uses the model and the packed clips of the last run, and its export too, after python -m pipeline.export.
"""

import tempfile
from pathlib import Path

from benchmarks.decode import bare, sample
from benchmarks.timing import median_seconds, needs, one_core, show
from pipeline.paths import MODEL
from pipeline.predict import open_predictor, predictions

CLIP_COUNT, ROUNDS = 500, 5
EXPORT = Path("data/export")


def main() -> None:
    one_core()
    models = {"model.pth": needs(MODEL)} | ({"model.onnx": EXPORT} if EXPORT.is_dir() else {})
    with tempfile.TemporaryDirectory() as folder:
        clips = sample(Path(folder))
        names = [str(Path(folder) / name) for name in clips]
        for name, data in zip(names, clips.values(), strict=True):
            Path(name).write_bytes(data)
        ways = {"bare soundfile": lambda: bare(clips)}
        for name, model in models.items():
            predictor = open_predictor(model)
            label = f"predict, {predictor.config.architecture}, {name}"
            ways[label] = lambda predictor=predictor: list(predictions(predictor, names, print))
        taken = median_seconds(ways, ROUNDS)
    rows = [
        (name, f"{1000 * seconds / len(clips):.2f}", f"{len(clips) / seconds:,.0f}") for name, seconds in taken.items()
    ]
    show(f"Judging {len(clips)} clips, median of {ROUNDS} rounds", ("", "ms/clip", "clips/s"), rows)


if __name__ == "__main__":
    main()
