from pathlib import Path

import pytest

from pipeline import share
from pipeline.share import reread_if_changed


@pytest.fixture
def done(monkeypatch) -> list[str]:
    """The commands that DVC is given, in the place of running them."""
    done = []
    monkeypatch.setattr(share, "dvc", lambda *words: done.append(" ".join(words)))
    return done


@pytest.mark.parametrize("is_changed", [False, True])
def test_an_unpacked_release_that_changed_is_read_again(done, tmp_path, monkeypatch, is_changed):
    (tmp_path / "validated.tsv").touch()
    monkeypatch.setattr(share, "is_as_noted", lambda corpus: done == ["repro tables"] and not is_changed)
    reread_if_changed(tmp_path / "validated.tsv")
    assert done == ["repro tables", *["repro --force --single-item tables"] * is_changed]


@pytest.mark.parametrize("name", ["corpus.tar.gz", "absent.tsv"])
def test_an_archive_and_what_is_not_here_are_left_to_dvc(done, tmp_path, name):
    (tmp_path / "corpus.tar.gz").touch()
    reread_if_changed(Path(tmp_path / name))
    assert not done
