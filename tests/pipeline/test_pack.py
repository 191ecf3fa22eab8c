import bz2
import gzip
import lzma
import os
import tarfile

import pandas as pd
import pytest

from features.shard import read_shard
from pipeline.corpus.corpora import open_corpora
from pipeline.pack import check_missing, merge_lists, pack
from pipeline.stage import UserError
from pipeline.tables import copy_tables
from tests.conftest import write_archive, write_release


@pytest.fixture
def clips():
    return {f"common_voice_en_{number:04d}.mp3": f"sound {number}".encode() for number in range(24)}


@pytest.fixture
def release(tmp_path, table, clips):
    return write_release(tmp_path / "en", table(24, 12), clips)


@pytest.fixture
def archive(tmp_path, release):
    return write_archive(release, tmp_path / "corpus.tar.gz")


def keys_of(names):
    return {name: name.removesuffix(".mp3") for name in names}


def packed(folder):
    return {name: data for path in sorted(folder.glob("*.tar")) for name, data in read_shard(path)}


@pytest.mark.parametrize("form", ["archive", "release"])
def test_the_chosen_clips_and_no_others(form, request, clips, tmp_path):
    chosen = list(clips)[::2]
    (tmp_path / "out").mkdir()
    pack(open_corpora(request.getfixturevalue(form))[0], keys_of(chosen), tmp_path / "out", 5)
    assert packed(tmp_path / "out") == {name: clips[name] for name in chosen}
    index = merge_lists(tmp_path / "out")
    assert index["shard"].value_counts().sort_index().to_dict() == {"00000.tar": 5, "00001.tar": 5, "00002.tar": 2}
    assert index["bytes"].sum() == sum(len(clips[name]) for name in chosen)


def test_what_the_archive_lacks_is_not_in_the_index(archive, clips, tmp_path):
    (tmp_path / "out").mkdir()
    pack(open_corpora(archive)[0], keys_of([*clips, "absent.mp3"]), tmp_path / "out", 100)
    assert "absent" not in set(merge_lists(tmp_path / "out")["key"])


def test_a_killed_run_resumes_after_its_complete_shards(archive, clips, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
        pack(open_corpora(archive)[0], keys_of(clips), folder, 5)
    for path in sorted(killed.iterdir())[4:]:
        path.unlink()
    (killed / ".00002.tar").write_bytes(b"begun")
    before = (killed / "00000.tar").stat().st_mtime_ns
    pack(open_corpora(archive)[0], keys_of(clips), killed, 5)
    assert (killed / "00000.tar").stat().st_mtime_ns == before
    for path in whole.glob("*.tar"):
        assert (killed / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["00001.tar", "00001.parquet"])
@pytest.mark.parametrize("size", [0, 700])
def test_shards_torn_by_a_power_cut_are_made_again(archive, clips, tmp_path, name, size):
    """A shard or a list in the middle, renamed into place before its bytes were on the disk."""
    pack(open_corpora(archive)[0], keys_of(clips), tmp_path, 5)
    whole = {path.name: path.read_bytes() for path in tmp_path.glob("0*")}
    os.truncate(tmp_path / name, size)
    pack(open_corpora(archive)[0], keys_of(clips), tmp_path, 5)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("0*")} == whole
    assert list(merge_lists(tmp_path)["key"]) == [name.removesuffix(".mp3") for name in clips]


@pytest.mark.parametrize(("packed", "chosen", "most"), [(0, 120, 0.99), (60, 120, 0.05), (94, 100, 0.05)])
def test_a_corpus_that_lacks_too_many_of_the_chosen_clips_is_refused(packed, chosen, most):
    with pytest.raises(
        UserError, match=rf"lacks {chosen - packed} of the {chosen} chosen clips, more than pack.max_mis"
    ):
        check_missing(packed, chosen, most)


def test_a_corpus_that_lacks_a_few_is_not():
    check_missing(95, 100, 0.05)
    check_missing(0, 100, 1.0)


@pytest.mark.parametrize("form", ["archive", "release"])
def test_tables_are_copied_unchanged(form, request, release, tmp_path):
    (tmp_path / "tables").mkdir()
    clips = copy_tables(open_corpora(request.getfixturevalue(form))[0], tmp_path / "tables")
    assert sorted(clips) == sorted(path.name for path in release.parent.glob("clips/*"))
    assert [path.name for path in (tmp_path / "tables").iterdir()] == ["validated.tsv"]
    assert (tmp_path / "tables" / "validated.tsv").read_bytes() == release.read_bytes()


def test_a_corpus_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"corpus is .*absent\.tar: there is no such file"):
        open_corpora(tmp_path / "absent.tar")[0]


def test_an_archive_without_the_table_is_refused(release, tmp_path):
    release.rename(release.with_name("other.tsv"))
    archive = write_archive(release, tmp_path / "corpus.tar.gz")
    with pytest.raises(UserError, match=r"holds no table of clips such as validated\.tsv"):
        copy_tables(open_corpora(archive)[0], tmp_path)


def test_an_archive_of_two_languages_is_refused(release, tmp_path):
    (release.parent / "de").mkdir()
    (release.parent / "de" / "validated.tsv").write_bytes(release.read_bytes())
    with pytest.raises(UserError, match=r"more than one validated\.tsv"):
        copy_tables(open_corpora(write_archive(release, tmp_path / "corpus.tar.gz"))[0], tmp_path)


@pytest.mark.parametrize("data", [b"no archive", b"", b"\x1f\x8b\x08 no gzip"])
def test_a_file_that_is_not_an_archive_is_refused(tmp_path, data):
    (tmp_path / "corpus.tar").write_bytes(data)
    with pytest.raises(UserError, match="not a complete archive"):
        copy_tables(open_corpora(tmp_path / "corpus.tar")[0], tmp_path)


@pytest.mark.parametrize("open_", [open, gzip.open, bz2.open, lzma.open])
@pytest.mark.parametrize("form", ["whole", "cut at a header", "cut in a header", "cut in a clip", "cut in the padding"])
def test_an_archive_that_ends_too_early_is_refused(archive, clips, tmp_path, open_, form):
    tar = gzip.decompress(archive.read_bytes())
    with tarfile.open(archive) as members:
        clip = next(each for each in members if "/clips/" in each.name and each.offset > 5000)
    size = {
        "whole": len(tar),
        "cut at a header": clip.offset,
        "cut in a header": clip.offset + 100,
        "cut in a clip": clip.offset_data + clip.size // 2,
        "cut in the padding": clip.offset_data + clip.size + 1,
    }[form]
    with open_(tmp_path / "corpus", "wb") as file:
        file.write(tar[:size])
    corpus = open_corpora(tmp_path / "corpus")[0]
    if form == "whole":
        assert dict(corpus.clips(set(clips))) == clips
    else:
        with pytest.raises(UserError, match="not a complete archive"):
            dict(corpus.clips(set(clips)))


def test_a_compressed_archive_that_is_cut_is_refused(archive, tmp_path):
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(UserError, match="not a complete archive"):
        copy_tables(open_corpora(archive)[0], tmp_path)


def test_links_in_an_archive_are_not_followed(release, tmp_path):
    (tmp_path / "secret").write_text("secret")
    name = "common_voice_en_0000.mp3"
    (release.parent / "clips" / name).unlink()
    (release.parent / "clips" / name).symlink_to(tmp_path / "secret")
    pack(open_corpora(write_archive(release, tmp_path / "corpus.tar.gz"))[0], keys_of([name]), tmp_path, 5)
    assert pd.concat([pd.DataFrame({"key": []}), merge_lists(tmp_path)]).empty
