import numpy as np
import pandas as pd
import pytest

from pipeline.parquet import read_parquet
from pipeline.stage import UserError


@pytest.fixture
def path(tmp_path):
    keys = [f"clip{number}" for number in range(300)]
    table = pd.DataFrame({"key": keys, "seconds": np.arange(300) / 7, "group": pd.Categorical(["a", "b", "c"] * 100)})
    table.to_parquet(tmp_path / "table.parquet", index=False)
    return tmp_path / "table.parquet"


def test_columns_are_those_that_were_asked_for(path):
    assert list(read_parquet(path)) == ["key", "seconds", "group"]
    assert list(read_parquet(path, ["group", "key"])) == ["group", "key"]


def test_a_column_that_is_not_there_is_one_line(path):
    with pytest.raises(UserError, match=r"table\.parquet is damaged") as raised:
        read_parquet(path, ["absent"])
    assert "\n" not in str(raised.value)


def test_a_table_that_is_not_there_is_told_as_such(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "absent.parquet")


def test_a_damaged_table_is_one_line(path):
    data, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    damaged = [data[:size] for size in range(0, len(data), 97)]
    for _ in range(200):
        flipped = bytearray(data)
        flipped[rng.integers(len(data))] ^= 1 << rng.integers(8)
        damaged.append(bytes(flipped))
    for each in damaged:
        path.write_bytes(each)
        try:
            read_parquet(path)
        except UserError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > len(data) // 97
