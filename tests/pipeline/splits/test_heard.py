"""Heard: whom a model has learnt from is known, or said to be unknown."""

import pytest

from pipeline import export
from pipeline.paths import EXPORT, MODEL, SPLIT
from pipeline.splits.heard import HEARD, heard_by, read_heard, write_heard
from pipeline.stage import UserError, fingerprint
from tests.pipeline.trained import write_project, write_split

LEARNT_FROM = {f"{9 - number:016x}" for number in range(5)}  # train and val of the made-up split


@pytest.fixture
def project(tmp_path, monkeypatch, front_end):
    monkeypatch.chdir(tmp_path)
    write_project(front_end)


def test_speakers_are_read_back(tmp_path):
    write_heard(["b" * 16, "0" * 16, "a" * 16, "b" * 16], tmp_path)
    assert (tmp_path / HEARD).read_bytes() == b"\0" * 8 + b"\xaa" * 8 + b"\xbb" * 8
    assert read_heard(tmp_path) == {"0" * 16, "a" * 16, "b" * 16}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it has 0 bytes, not 8 for each speaker"),
        (b"\1" * 17, "it has 17 bytes, not 8 for each speaker"),
        (b"\2" * 8 + b"\1" * 8, "its hashes are not in order"),
        (b"\1" * 16, "its hashes are not in order"),
        (bytes(16_000_001), "it is larger than 16,000,000 bytes"),
    ],
    ids=["empty", "torn", "unsorted", "twice", "huge"],
)
def test_a_damaged_file_is_named(data, said, tmp_path):
    (tmp_path / HEARD).write_bytes(data)
    with pytest.raises(UserError, match=rf"^{tmp_path}/speakers\.bin is damaged: {said}$"):
        heard_by(tmp_path, "")


def test_a_model_has_learnt_from_train_and_val_of_its_own_split(project):
    mine = fingerprint(SPLIT)
    assert heard_by(MODEL, mine) == LEARNT_FROM
    assert heard_by(MODEL, "another") is None
    write_split(seed=1)
    assert heard_by(MODEL, mine) is None
    SPLIT.unlink()
    assert heard_by(MODEL, mine) is None


def test_an_export_keeps_them(project):
    mine = fingerprint(SPLIT)
    export.main()
    write_split(seed=1)
    assert heard_by(EXPORT, mine) == LEARNT_FROM


def test_an_export_without_its_split_says_that_they_are_unknown(project, capsys):
    write_split(seed=1)
    export.main()
    assert (
        "no speakers.bin, which says whom the model has learnt from: data/split.parquet is not"
        in capsys.readouterr().out
    )
    assert not (EXPORT / HEARD).exists()
