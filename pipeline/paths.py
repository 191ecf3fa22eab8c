"""Paths: every place under `data/` that stages and commands read and write."""

from pathlib import Path

from pipeline.running.checkout import main_checkout

DATA = Path("data")

DEMO = DATA / "demo"
DEMO_ARCHIVE = DEMO / "cv-corpus-demo-en.tar.gz"

TABLES = DATA / "tables"
NOTE = TABLES / "corpus.json"  # what the corpus is

MANIFEST = DATA / "manifest.parquet"  # the chosen clips
ROWS = DATA / "rows.parquet"  # what became of every row of the tables
FILTER_REPORT = DATA / "filter.json"
PYRAMID = DATA / "pyramid.png"

CLIPS = DATA / "clips"
CLIPS_INDEX = CLIPS / "index.parquet"  # a clip that the manifest lists and this lacks is missing

LOGMEL = DATA / "logmel"
REJECTS = LOGMEL / "rejects.csv"

OWN_SPLITS = DATA / "splits"
SPLIT = DATA / "split.parquet"
SPLIT_REPORT = DATA / "split.json"
SPLIT_PAGE = DATA / "split.md"

MODEL = DATA / "model"
EFFORT = DATA / "training.json"  # what training took
LOGS = main_checkout() / DATA / "tensorboard"

EVALUATION = DATA / "evaluation"
METRICS = EVALUATION / "metrics.json"
CARD = EVALUATION / "README.md"

COMPARISON = DATA / "compare"
EXPORT = DATA / "export"

LOCKS = DATA / ".partial"  # of outputs that are being built here
PARTIAL = main_checkout() / LOCKS  # what is being built; outlives the copy in which an experiment runs

DVC_LOCK = Path("dvc.lock")
