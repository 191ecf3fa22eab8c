from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.running.output import read_csv, read_json, read_parquet
from pipeline.stage import UserError

DEEP = b"[" * 100_000


@dataclass(frozen=True)
class Fact:
    name: str
    clips: int


def test_complete_files_are_read(tmp_path):
    table = pd.DataFrame({"key": ["a", "b"], "group": pd.Categorical(["x", "y"])})
    table.to_parquet(tmp_path / "table.parquet", index=False)
    table.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "facts.json").write_text('{"name": "ä", "clips": 3, "more": {"name": "b", "clips": 4}}', "utf-8")
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "table.parquet"), table)
    assert list(read_parquet(tmp_path / "table.parquet", ["group"])) == ["group"]
    assert list(read_csv(tmp_path / "table.csv", ["key"])["group"]) == ["x", "y"]
    assert read_json(tmp_path / "facts.json", Fact) == Fact("ä", 3)
    assert read_json(tmp_path / "facts.json", Fact, "more") == Fact("b", 4)


@pytest.mark.parametrize(
    "read",
    [
        lambda path: read_parquet(path, ["key"]),
        lambda path: read_csv(path, ["key"]),
        lambda path: read_json(path, Fact),
        lambda path: read_json(path, dict, "corpus"),
    ],
    ids=["parquet", "csv", "json", "value"],
)
@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"\xff\xfe\x00",
        b"PAR1",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"name": 1, "clips": "many"}',
        b"other\n1\n",
        DEEP,
    ],
    ids=lambda data: str(data and data[:40]),
)
def test_others_give_one_line_that_names_them_and_says_what_to_do(read, data, tmp_path):
    path = tmp_path / "file"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UserError, match=rf"^[^\n]*{path}[^\n]*: [^\n]*dvc repro makes it[^\n]*$"):
        read(path)


def test_any_damage_to_a_table_gives_such_a_line_or_is_harmless(tmp_path):
    random, path = np.random.default_rng(0), Path(tmp_path / "table.parquet")
    groups = pd.Categorical(["x", "y"] * 20)
    pd.DataFrame({"key": [f"clip{number}" for number in range(40)], "group": groups}).to_parquet(path, index=False)
    whole = path.read_bytes()
    named = 0
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[random.integers(len(whole))] ^= 1 << random.integers(8)
        path.write_bytes(damaged[: random.integers(len(whole)) if random.random() < 0.2 else None])
        try:
            read_parquet(path, ["key", "group"])
        except UserError as error:
            named += str(path) in str(error)
    assert named > 100
