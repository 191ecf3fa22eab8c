import json
import shutil
import tarfile
from pathlib import Path

import pytest
import yaml

from pipeline import tables
from pipeline.corpus.corpora import open_corpora
from pipeline.corpus.note import are_as_noted, state_of
from pipeline.demo import make_corpus
from pipeline.paths import TABLES
from tests.conftest import write_archive, write_release, write_table

PARAMS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def release(tmp_path, monkeypatch, table) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = table(24, 12)
    write_table(rows[:10], tmp_path / "data/raw/mini/test.tsv")
    return write_release(Path("data/raw/mini"), rows, {path: path.encode() for path in rows["path"]})


@pytest.fixture
def archive(release) -> Path:
    return write_archive(release, Path("data/raw/corpus.tar.gz"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.tar.gz"
    make_corpus(path, speakers=24, clips=60, seed=0, jobs=1)
    return path


def noted(corpus: Path) -> dict:
    """What the stage writes down about a corpus."""
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS | {"corpus": str(corpus)}), encoding="utf-8")
    tables.main()
    return json.loads((TABLES / "000/corpus.json").read_text(encoding="utf-8"))


def test_a_corpus_is_noted_by_its_own_name_and_the_rows_of_its_tables(release, archive):
    said = {"is_synthetic": False, "rows": {"test": 10, "validated": 24}, "licence": None}
    assert noted(archive) == {"corpus": {"name": "corpus.tar.gz"} | said, "contents": None}
    assert noted(release)["corpus"] == {"name": "mini"} | said
    assert noted(release.absolute())["corpus"] == {"name": "mini"} | said


def test_the_demo_is_recognised_anywhere(demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with tarfile.open(demo) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    real = tmp_path / "cv-corpus-25.0.tar.gz"
    shutil.copy(demo, real)
    assert noted(real)["corpus"]["is_synthetic"]
    (tmp_path / "unpacked/cv-corpus-demo/en").rename(tmp_path / "real")
    assert noted(tmp_path / "real/validated.tsv")["corpus"]["is_synthetic"]


def test_the_word_synthetic_in_a_sentence_does_not_count(release):
    release.write_text(release.read_text().replace("Sentence 3.", "synthetic"))
    assert not noted(release)["corpus"]["is_synthetic"]


def a_clip_more(release: Path) -> None:
    (release.parent / "clips/more.mp3").write_bytes(b"more")


def a_clip_less(release: Path) -> None:
    (release.parent / "clips/common_voice_en_0000.mp3").unlink()


def a_longer_clip(release: Path) -> None:
    (release.parent / "clips/common_voice_en_0000.mp3").write_bytes(bytes(1000))


def another_table(release: Path) -> None:
    (release.parent / "test.tsv").unlink()


@pytest.mark.parametrize("change", [a_clip_more, a_clip_less, a_longer_clip, another_table])
def test_a_change_in_an_unpacked_release_is_noticed(release, change):
    assert noted(release)["contents"]["clips"] == 24
    assert are_as_noted(open_corpora(release))
    before = state_of(open_corpora(release))
    change(release)
    assert not are_as_noted(open_corpora(release))
    assert state_of(open_corpora(release)) != before


def test_times_and_other_files_do_not_count(release):
    noted(release)
    (release.parent / "clips/common_voice_en_0000.mp3").touch()
    (release.parent / "clips/folder").mkdir()
    (release.parent / "notes.txt").write_text("mine")
    assert are_as_noted(open_corpora(release))


def test_an_archive_is_as_noted(archive):
    noted(archive)
    assert are_as_noted(open_corpora(archive))


def test_unfinished_work_on_one_archive_is_not_reused_for_another_at_its_path(archive, release, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tables, "write_note", interrupt)
        noted(archive)
    (release.parent / "test.tsv").unlink()
    write_archive(release, archive)
    assert noted(archive)["corpus"]["rows"] == {"validated": 24}
    names = [path.name for path in sorted((TABLES / "000").iterdir())]
    assert names == ["clips.parquet", "corpus.json", "validated.tsv"]


def interrupt(*_) -> None:
    raise KeyboardInterrupt
