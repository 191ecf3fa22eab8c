"""How long does evaluate take besides inference, on 45,000 test clips of 450,000? With bootstrap and baselines."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.timing import median_seconds, show
from features.front_end import FrontEnd
from features.index import INDEX_TYPES, write_index
from features.shard import ShardWriter, shard_name
from features.store import Store
from models.config import Config
from pipeline.corpus.ages import AGES
from pipeline.params import load_params
from pipeline.reports.report import report_on

CLIPS, SPEAKERS, DISTINCT, FRAMES = 450_000, 60_000, 2000, 450


def made_up_split(random: np.random.Generator) -> pd.DataFrame:
    """Clips of speakers in ten folds, with as many accents and locales as a large release has."""
    voice = random.integers(SPEAKERS, size=CLIPS)
    age = voice % 6
    return pd.DataFrame(
        {
            "key": [f"common_voice_en_{10_000_000 + clip}" for clip in range(CLIPS)],
            "speaker": [f"{number:016x}" for number in voice],
            "group": pd.Categorical.from_codes(age, AGES[:6], ordered=True),
            "age": np.array(AGES)[age],
            "split": np.array(["test", "val", *["train"] * 8])[voice // 6 % 10],
            "gender": np.array(["male", "female", ""])[voice // 7 % 3],
            "accent": [f"accent {number}" for number in voice // 11 % 20],
            "locale": [f"l{number}" for number in voice // 13 % 10],
            "seconds": random.uniform(2, 9, CLIPS),
            "frames": FRAMES,
            "sample_rate": random.choice([32000, 48000], CLIPS),
            "loudness": random.normal(-20, 3, CLIPS),
        }
    )


def made_up_store(folder: Path, keys: pd.Series, front_end: FrontEnd, random: np.random.Generator) -> Store:
    """DISTINCT clips of noise, each under many keys."""
    clips = []
    with ShardWriter(folder / shard_name(0)) as shard:
        for number in range(DISTINCT):
            noise = random.standard_normal((FRAMES, front_end.values)).astype(np.float16)
            clips.append(shard.add_array(f"clip{number}.npy", noise))
    offsets = np.array(clips)[np.arange(len(keys)) % DISTINCT]
    index = pd.DataFrame(dict.fromkeys(INDEX_TYPES, 0), index=keys.index)
    write_index(folder, index.assign(key=keys, shard=shard_name(0), offset=offsets, frames=FRAMES, flags=""), front_end)
    return Store(folder)


def main() -> None:
    random, params = np.random.default_rng(0), load_params()
    split = made_up_split(random)
    test = split[split["split"] == "test"]
    bands = [0.0] * params.front_end().values
    config = Config("cnn", {}, list(AGES[:6]), 200, params.front_end(), bands, bands, [15, 25, 35, 45, 55, 70], 1.2)
    raw = random.dirichlet(np.ones(6), len(test))
    with tempfile.TemporaryDirectory() as folder:
        store = made_up_store(Path(folder), split["key"], params.front_end(), random)
        taken = median_seconds({"evaluate": lambda: report_on(split, raw, config, store)}, rounds=1)
    title = f"Report on {len(test):,} test clips of {test['speaker'].nunique():,} speakers"
    show(title, ("", "s"), [(name, f"{seconds:.0f}") for name, seconds in taken.items()], "all cores")


if __name__ == "__main__":
    main()
