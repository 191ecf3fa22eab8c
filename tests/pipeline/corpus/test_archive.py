"""Archives and folders as people have them: broken, padded, with strange files among the clips."""

import bz2
import gzip
import io
import lzma
import os
import tarfile

import numpy as np
import pytest

from features.decoding.decoder import decode_shard, read_listing
from features.shard import read_shard
from pipeline.corpus import archive
from pipeline.corpus.corpora import open_corpora
from pipeline.pack import merge_lists, pack
from pipeline.stage import UserError
from pipeline.tables import copy_tables
from tests.conftest import write_archive, write_release

NOISE = np.random.default_rng(0).bytes(200_000)
COMPRESSED = {"tar": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


def tar_of(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


@pytest.fixture
def write(tmp_path):
    def write(data: bytes):
        (tmp_path / "corpus").write_bytes(data)
        return tmp_path / "corpus"

    return write


@pytest.fixture
def release(tmp_path, table):
    clips = {f"common_voice_en_{number:04d}.mp3": f"sound {number}".encode() for number in range(12)}
    return write_release(tmp_path / "en", table(12, 6), clips)


@pytest.mark.parametrize("form", COMPRESSED)
@pytest.mark.parametrize("name", ["x/validated.tsv", "x/clips/1.mp3"])
def test_a_break_inside_a_file_is_one_line_wherever_it_is_read(write, tmp_path, form, name):
    whole = COMPRESSED[form](tar_of({name: NOISE, "x/clips/2.mp3": b"sound"}))
    source = open_corpora(write(whole[: len(whole) // 2]))[0]
    (tmp_path / "tables").mkdir()
    reads = {
        "tables": lambda: copy_tables(source, tmp_path / "tables"),
        "clips": lambda: list(source.clips({"1.mp3", "2.mp3"})),
        "plan": lambda: list(source.any_clips()),
    }
    for read in reads.values():
        with pytest.raises(UserError, match="is not a complete archive: ") as raised:
            read()
        assert "\n" not in str(raised.value)
    assert not list((tmp_path / "tables").iterdir())


@pytest.mark.parametrize("form", COMPRESSED)
def test_a_flipped_byte_in_a_compressed_archive_is_one_line(write, form):
    damaged = bytearray(COMPRESSED[form](tar_of({"x/clips/1.mp3": NOISE})))
    damaged[len(damaged) // 2] ^= 1
    source = open_corpora(write(bytes(damaged)))[0]
    if form == "tar":  # which has no checksum of what it holds
        assert len(dict(source.clips({"1.mp3"}))["1.mp3"]) == len(NOISE)
    else:
        with pytest.raises(UserError, match="is not a complete archive: "):
            list(source.clips({"1.mp3"}))


@pytest.mark.parametrize("form", COMPRESSED)
@pytest.mark.parametrize("behind", [b"x", b"\n" * 700, bytes(5000), bytes(3) + b"garbage" * 100])
def test_bytes_after_an_archive_are_ignored(write, tmp_path, form, behind):
    files = {"x/clips/1.mp3": NOISE, "x/validated.tsv": b"client_id\tpath\n"}
    path = write(COMPRESSED[form](tar_of(files)) + behind)
    assert dict(open_corpora(path)[0].clips({"1.mp3"})) == {"1.mp3": NOISE}
    (tmp_path / "tables").mkdir()
    assert copy_tables(open_corpora(path)[0], tmp_path / "tables") == ["1.mp3"]
    assert (tmp_path / "tables/validated.tsv").read_bytes() == files["x/validated.tsv"]


@pytest.mark.parametrize("form", ["archive", "folder"])
def test_a_clip_that_is_too_large_is_reported_and_not_cut(release, tmp_path, monkeypatch, form, front_end):
    monkeypatch.setattr(archive, "LARGEST_CLIP", len(b"sound 9"))
    source = open_corpora(release if form == "folder" else write_archive(release, tmp_path / "corpus.tar"))[0]
    names = [f"common_voice_en_{number:04d}.mp3" for number in range(12)]
    assert dict(source.clips(set(names))) == {
        name: f"sound {number}".encode() if number < 10 else None for number, name in enumerate(names)
    }
    assert len(list(source.any_clips())) == 10
    (tmp_path / "clips").mkdir()
    pack(source, {name: name.removesuffix(".mp3") for name in names}, tmp_path / "clips", 20)
    assert len(merge_lists(tmp_path / "clips")) == 12
    assert len(list(read_shard(tmp_path / "clips/00000.tar"))) == 12
    about = {name.removesuffix(".mp3"): {} for name in names}
    decode_shard(tmp_path / "clips/00000.tar", tmp_path / "00000.tar", about, front_end)
    reasons = [reject["reason"] for reject in read_listing(tmp_path / "00000.tar")["rejects"]]
    assert reasons == ["undecodable"] * 10 + ["too_large"] * 2


@pytest.mark.parametrize("form", ["archive", "folder"])
def test_other_files_are_not_taken_for_clips(release, tmp_path, form):
    clips = release.parent / "clips"
    for path in [*clips.iterdir(), release]:
        path.with_name(f"._{path.name}").write_bytes(b"AppleDouble")
    (clips / "folder.mp3").mkdir()
    (clips / "folder.mp3/deeper.mp3").write_bytes(b"deeper")
    for name in ("README.md", "clip_durations.tsv"):
        (release.parent / name).write_bytes(b"beside")
    source = open_corpora(release if form == "folder" else write_archive(release, tmp_path / "corpus.tar"))[0]
    assert sorted(source.any_clips()) == sorted(f"sound {number}".encode() for number in range(12))
    assert sorted(name for name, _ in source.tables()) == ["clip_durations.tsv", "validated.tsv"]


def test_pipes_in_a_folder_are_not_waited_for(release):
    for path in (release.with_name("other.tsv"), release.parent / "clips/pipe.mp3"):
        os.mkfifo(path)
    source = open_corpora(release)[0]
    assert [name for name, _ in source.tables()] == ["validated.tsv"]
    assert len(list(source.any_clips())) == 12
    assert dict(source.clips({"pipe.mp3", "common_voice_en_0000.mp3"})) == {"common_voice_en_0000.mp3": b"sound 0"}
    with pytest.raises(UserError, match="there is no such file"):
        open_corpora(release.with_name("other.tsv"))[0]


def test_an_impossible_name_is_not_found(release):
    assert dict(open_corpora(release)[0].clips({"x" * 300, "a\0b", "absent.mp3"})) == {}


def test_a_folder_is_not_a_corpus_and_the_message_says_what_is(release):
    with pytest.raises(
        UserError, match=r"en is an unpacked release, of which DVC would hash every clip: name the validated\.tsv in it"
    ):
        open_corpora(release.parent)[0]
