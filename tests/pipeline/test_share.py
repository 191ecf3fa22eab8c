"""Pull and push, in a small DVC project with a folder as its remote."""

import shutil
from pathlib import Path

import pytest
import yaml

from pipeline import share
from pipeline.stage import UserError
from tests.project import clone, commit, done

SHARD = "data/features/00000.tar"
STAGES = {
    "decode": {
        "cmd": "mkdir data/features && seq 1 90000 > data/features/00000.tar && seq 9 > data/features/index.parquet",
        "outs": ["data/features"],
    },
    "split": {"cmd": "seq 7 > data/split.parquet", "outs": ["data/split.parquet"]},
    "pack": {"cmd": "seq 5 > data/clips", "outs": [{"data/clips": {"push": False}}]},
    "dvector": {"cmd": "seq 3 > data/dvector.onnx", "outs": [{"data/dvector.onnx": {"cache": False}}]},
}
DAMAGE = {
    "zero": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "flip": lambda data: data[:9] + bytes([data[9] ^ 1]) + data[10:],
}


@pytest.fixture(scope="module")
def owner(tmp_path_factory) -> Path:
    """A project that has made and pushed its features."""
    folder = tmp_path_factory.mktemp("share") / "owner"
    (folder / "data").mkdir(parents=True)
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}), encoding="utf-8")
    (folder / ".gitignore").write_text("data/dvector.onnx\n", encoding="utf-8")
    done("git init -q", folder)
    done("dvc init -q", folder)
    done("dvc repro -q", folder)
    done("dvc remote add --default store ../store", folder)
    commit(folder, "features")
    done("dvc push -q", folder)
    return folder


@pytest.fixture
def store(owner, tmp_path) -> Path:
    """A copy of the remote, at the address where clones in the same folder look for it."""
    return Path(shutil.copytree(owner.parent / "store", tmp_path / "store"))


@pytest.fixture
def colleague(owner, store, monkeypatch) -> Path:
    """A clone with nothing pulled yet, and the current folder."""
    folder = clone(owner, store.with_name("colleague"))
    monkeypatch.chdir(folder)
    return folder


def object_of(store: Path, content: bytes) -> Path:
    return next(path for path in store.rglob("*") if path.is_file() and path.read_bytes() == content)


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("before", ["a fresh clone", "the damage was pulled already"])
def test_damage_in_the_remote_is_named_and_heals_once_it_is_repaired(owner, store, colleague, how, before):
    right = (owner / SHARD).read_bytes()
    stored = object_of(store, right)
    overwrite(stored, DAMAGE[how](right))
    if before != "a fresh clone":
        done("dvc pull -q --allow-missing", colleague)
        assert Path(SHARD).read_bytes() != right
    for _ in range(2):  # what is damaged is not kept, to be taken for good at the next try
        with pytest.raises(UserError, match=f"{SHARD} is damaged there: remove {stored}, then make push") as raised:
            share.pull(["data/features"])
        assert "index.parquet" not in str(raised.value)
        assert not Path(SHARD).exists()
    overwrite(stored, right)
    share.pull([])
    assert Path(SHARD).read_bytes() == right
    assert Path("data/split.parquet").read_bytes() == (owner / "data/split.parquet").read_bytes()
    assert not Path("data/clips").exists()


@pytest.mark.parametrize("how", DAMAGE)
def test_the_listing_of_a_folder_may_be_damaged_too(store, colleague, how):
    listing = next(store.rglob("*.dir"))
    right = listing.read_bytes()
    overwrite(listing, DAMAGE[how](right))
    with pytest.raises(UserError, match=r"data/features is damaged there"):
        share.pull([])
    overwrite(listing, right)
    share.pull([])
    assert Path(SHARD).is_file()


def test_files_that_the_remote_lost_are_named_and_pushed_again(owner, store, colleague, monkeypatch, capsys):
    right = (owner / SHARD).read_bytes()
    object_of(store, right).unlink()
    with pytest.raises(UserError, match=rf"store does not hold {SHARD}: make push where it was made"):
        share.pull([])
    shutil.copytree(owner, store.with_name("owner"))
    monkeypatch.chdir(store.with_name("owner"))
    share.push()
    assert "push: 1 files to " in capsys.readouterr().out
    monkeypatch.chdir(colleague)
    share.pull([])
    assert Path(SHARD).read_bytes() == right


def test_what_is_outside_the_cache_is_neither_sent_nor_asked_for(owner, store, colleague, monkeypatch):
    made = (owner / "data/dvector.onnx").read_bytes()
    shutil.copytree(owner, store.with_name("owner"))
    monkeypatch.chdir(store.with_name("owner"))
    share.push()
    assert made not in [path.read_bytes() for path in store.rglob("*") if path.is_file()]
    monkeypatch.chdir(colleague)
    share.pull([])
    assert not Path("data/dvector.onnx").exists()
    with pytest.raises(UserError, match=r"data/dvector\.onnx cannot be pulled; these can: "):
        share.pull(["data/dvector.onnx"])


def test_a_message_names_a_few_files_and_counts_the_others():
    assert share.some(f"{number}.tar" for number in range(3)) == "0.tar, 1.tar, 2.tar"
    assert share.some(f"{number}.tar" for number in range(9)) == "0.tar, 1.tar, 2.tar and 6 more"
