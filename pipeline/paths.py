"""Paths: every path under `data/` that stages and commands read and write."""

from pathlib import Path

from pipeline.running.checkout import main_checkout

DATA = Path("data")

DEMO = DATA / "demo"
DEMO_ARCHIVE = DEMO / "cv-corpus-demo-en.tar.gz"

TABLES = DATA / "tables"

MANIFEST = DATA / "manifest.parquet"  # the chosen clips
ROWS = DATA / "rows.parquet"  # what happened to every row of the tables
FILTER_REPORT = DATA / "filter.json"
PYRAMID = DATA / "pyramid.png"

CLIPS = DATA / "clips"
CLIPS_INDEX = CLIPS / "index.parquet"  # a clip in the manifest but not in here is missing

FEATURES = DATA / "features"
REJECTS = FEATURES / "rejects.csv"

ENCODERS = DATA / "encoders"
DVECTOR = ENCODERS / "dvector/dvector.onnx"

OWN_SPLITS = DATA / "splits"
SPLIT = DATA / "split.parquet"
SPLIT_REPORT = DATA / "split.json"
SPLIT_PAGE = DATA / "split.md"

MODEL = DATA / "model"
EFFORT = DATA / "training.json"  # what training cost
LOGS = main_checkout() / DATA / "tensorboard"

EVALUATION = DATA / "evaluation"
METRICS = EVALUATION / "metrics.json"
CARD = EVALUATION / "README.md"

COMPARISON = DATA / "compare"
EXPORT = DATA / "export"
PRETRAINED = DATA / "pretrained"  # a model that has heard people
JUDGED = DATA / "judged"  # a folder for each corpus

LOCKS = DATA / ".partial"  # of outputs being built here
PARTIAL = main_checkout() / LOCKS  # unfinished outputs; outlives the copy in which an experiment runs

DVC_LOCK = Path("dvc.lock")
