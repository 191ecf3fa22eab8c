"""What `tables` takes out of archives that strangers have made."""

import gzip
import shutil
import tarfile
from collections import namedtuple
from pathlib import Path

import pytest

from pipeline.corpus.corpora import open_corpora
from pipeline.stage import UserError
from pipeline.tables import LARGEST_TABLE, copy_tables


@pytest.fixture
def archive(tmp_path):
    """A function (name of a file: its content or the size that its header claims, …) → an archive of them."""

    def write(files: dict[str, bytes | int]) -> Path:
        data = b""
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = content if isinstance(content, int) else len(content)
            data += info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
            if isinstance(content, bytes):
                data += content + bytes(-len(content) % tarfile.BLOCKSIZE)
        (tmp_path / "corpus.tar.gz").write_bytes(gzip.compress(data + bytes(tarfile.BLOCKSIZE * 2)))
        return tmp_path / "corpus.tar.gz"

    return write


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tables").mkdir()
    return tmp_path / "tables"


@pytest.mark.parametrize("size", [LARGEST_TABLE + 1, 2**40, 2**62])
def test_a_table_is_refused_for_its_size_before_it_is_written(archive, folder, size):
    corpus = archive({"x/train.tsv": b"path\n", "x/validated.tsv": size})
    with pytest.raises(UserError, match=r"holds a validated\.tsv of .* GB: the limit is 2\.0 GB"):
        copy_tables(open_corpora(corpus)[0], folder)
    assert not list(folder.iterdir())


def test_a_sparse_table_in_a_folder_is_refused_as_well(tmp_path, folder):
    (tmp_path / "validated.tsv").touch()
    with (tmp_path / "validated.tsv").open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(UserError, match="the limit is"):
        copy_tables(open_corpora(tmp_path / "validated.tsv")[0], folder)


def test_a_table_without_room_is_not_started(archive, folder, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 5000, 5000))
    corpus = archive({"x/train.tsv": bytes(4000), "x/validated.tsv": bytes(6000)})
    with pytest.raises(UserError, match=r"validated\.tsv of .*: about 0\.0 MB will be needed"):
        copy_tables(open_corpora(corpus)[0], folder)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", ["\x1b[2J.tsv", "a\nb.tsv", "caf\udce9.tsv", "x" * 252 + ".tsv", "é" * 126 + ".tsv"])
def test_a_table_with_an_impossible_name_is_one_line(archive, folder, name):
    with pytest.raises(UserError, match="holds a table with an impossible name") as raised:
        copy_tables(open_corpora(archive({f"x/{name}": b"", "x/validated.tsv": b""}))[0], folder)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("prefix", ["../", "/", "../../../../", "x/../../"])
def test_a_table_goes_into_its_folder_whatever_its_path(archive, folder, tmp_path, prefix):
    before = sorted(tmp_path.iterdir())
    corpus = archive({f"{prefix}validated.tsv": b"client_id\tpath\n", f"{prefix}..": b"", f"{prefix}.tsv": b""})
    assert copy_tables(open_corpora(corpus)[0], folder) == []
    assert [path.name for path in folder.iterdir()] == ["validated.tsv"]
    assert sorted(tmp_path.iterdir()) == sorted([*before, corpus])


def test_many_tables_cost_no_search_for_each(archive, folder, monkeypatch):
    """Names are looked up, not searched for: comparing each with all before it took minutes at 100,000."""
    compared = 0

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    names = [Name(f"{number}.tsv") for number in range(300)] + [Name("validated.tsv")]
    content = type("Content", (), {"size": 0, "read": lambda self, size: b""})()
    source = type("Source", (), {"path": "", "tables": lambda self, clips: ((name, content) for name in names)})()
    copy_tables(source, folder)
    assert len(list(folder.iterdir())) == 301
    assert compared < 1000


def test_the_kind_of_failure_that_leaves_nothing_behind(archive, folder):
    with pytest.raises(UserError, match=r"more than one validated\.tsv"):
        copy_tables(open_corpora(archive({"en/validated.tsv": b"a", "de/validated.tsv": b"b"}))[0], folder)
    with pytest.raises(UserError, match=r"holds no table of clips such as validated\.tsv: it holds other\.tsv"):
        copy_tables(open_corpora(archive({"en/other.tsv": b"a"}))[0], folder)
    assert not list(folder.iterdir())
