"""Disk space: what clips and features will take (also plan.py)."""

import shutil
from collections import namedtuple
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline import decode, pack, plan
from pipeline.corpus.corpora import open_corpora
from pipeline.pack import merge_lists
from pipeline.paths import CLIPS, FEATURES, PARTIAL
from pipeline.running.disk_space import check_room, measure
from pipeline.running.engine import on_loky
from pipeline.stage import UserError
from tests.conftest import encode, write_archive, write_release
from tests.features.front_ends.test_encoder import use_encoder
from tests.pipeline.dying import DEADLY, deadly_try_clip
from tests.project import change

ROOT = Path(__file__).parents[3]
COUNT = 60


@pytest.fixture(scope="module")
def clips(mp3) -> dict[str, bytes]:
    return {f"common_voice_en_{number:04d}.mp3": mp3(0.6 + 0.2 * (number % 7), seed=number) for number in range(COUNT)}


@pytest.fixture
def project(tmp_path, monkeypatch, clips, table) -> Path:
    """An unpacked release, and an archive of it which params.yaml names as the corpus."""
    monkeypatch.chdir(tmp_path)
    release = write_release(tmp_path / "data/raw/en", table(COUNT, 12), clips)
    archive = write_archive(release, tmp_path / "data/raw/corpus.tar.gz")
    name_corpus(archive)
    return tmp_path


def name_corpus(path: Path) -> None:
    lines = (ROOT / "params.yaml").read_text().splitlines()
    text = "\n".join(f"corpus: {path}" if line.startswith("corpus:") else line for line in lines)
    Path("params.yaml").write_text(text.replace("jobs: -1", "jobs: 1"), encoding="utf-8")


def write_manifest(corpus: str = "corpus.tar.gz") -> dict[str, str]:
    release = pd.read_csv("data/raw/en/validated.tsv", sep="\t", dtype="str", keep_default_na=False)
    manifest = release.assign(key=release["path"].str.removesuffix(".mp3"), speaker="0" * 16)
    manifest = manifest.assign(corpus=corpus).sort_values("key")
    manifest.to_parquet("data/manifest.parquet")
    return dict(zip(manifest["path"], manifest["key"], strict=True))


def leave_free(monkeypatch, size: float) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - int(size), int(size)))


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.tar"))


def test_expected_sizes_match_the_real_ones(project, front_end):
    keys = write_manifest()
    out = project / "packed"
    out.mkdir()
    source = open_corpora(Path("data/raw/corpus.tar.gz"))[0]
    expected = pack.bytes_to_pack(source, keys, out)
    pack.pack(source, keys, out, 20)
    assert size_of(out) == pytest.approx(expected, rel=0.1)
    assert pack.bytes_to_pack(source, keys, out) == 0
    merge_lists(out)
    (project / "logmel").mkdir()
    expected = decode.bytes_to_decode(out, project / "logmel", front_end)
    manifest = pd.read_parquet("data/manifest.parquet")
    decode.decode(out, manifest, project / "logmel", front_end, partial(on_loky, jobs=1))
    assert size_of(project / "logmel") == pytest.approx(expected, rel=0.1)
    assert decode.bytes_to_decode(out, project / "logmel", front_end) == 0


def test_a_clip_that_kills_or_cannot_be_read_is_only_counted(front_end, mp3, monkeypatch):
    monkeypatch.setattr("features.decoding.decoder.try_clip", deadly_try_clip)
    good = mp3(1)
    wide = encode(np.zeros((1000, 255)), 192_000, "WAV")
    alone, all_of_them = (measure(clips, front_end, 60) for clips in ([good], [b"", DEADLY, good, wide]))
    assert all_of_them.clips == 4
    assert (all_of_them.sound, all_of_them.decoded) == (alone.sound, alone.decoded) != (0, 0)


def test_packed_clips_need_no_more_room(project):
    keys = write_manifest()
    (project / "packed").mkdir()
    source = open_corpora(Path("data/raw/corpus.tar.gz"))[0]
    whole = pack.bytes_to_pack(source, keys, project / "packed")
    pack.pack(source, dict(list(keys.items())[:20]), project / "packed", 20)
    assert pack.bytes_to_pack(source, keys, project / "packed") == pytest.approx(whole * 40 / 60, rel=0.1)


def test_a_stage_that_will_not_fit_does_not_start(project, monkeypatch):
    write_manifest()
    leave_free(monkeypatch, 100_000)
    with pytest.raises(UserError, match=r"data/clips: about \d\.\d MB will be needed, but the disk has 0\.1 MB free"):
        pack.main()
    assert not [*PARTIAL.rglob("*.tar"), *CLIPS.glob("*")]
    leave_free(monkeypatch, 10**9)
    pack.main()
    leave_free(monkeypatch, 500_000)
    with pytest.raises(
        UserError, match=r"data/features: about \d\.\d MB will be needed, but the disk has 0\.5 MB free"
    ):
        decode.main()
    assert not [*PARTIAL.rglob("*.tar"), *FEATURES.glob("*")]
    leave_free(monkeypatch, 10**9)
    decode.main()
    assert len(pd.read_parquet(FEATURES / "index.parquet")) == COUNT


def test_room_is_checked_on_the_disk_of_the_data(project, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("another disk")
    shutil.rmtree("data")
    Path("data").symlink_to(elsewhere)
    asked = []
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: asked.append(Path(path).resolve()) or usage(10, 9, 1))
    check_room(CLIPS, 1)
    with pytest.raises(UserError, match="will be needed"):
        check_room(CLIPS, 2)
    assert set(asked) == {elsewhere}


@pytest.mark.parametrize("needed", [0, 10**6])
def test_data_that_just_fit_are_accepted(monkeypatch, needed):
    leave_free(monkeypatch, needed)
    check_room(CLIPS, needed)


@pytest.mark.parametrize("corpus", ["corpus.tar.gz", "en/validated.tsv"])
@pytest.mark.parametrize("is_filtered", [False, True])
def test_a_plan_is_estimated_from_what_there_is(project, clips, capsys, corpus, is_filtered):
    name_corpus(Path("data/raw") / corpus)
    if is_filtered:
        write_manifest("en" if corpus.endswith(".tsv") else corpus)
    plan.main()
    first, *lines = capsys.readouterr().out.splitlines()
    told = {line[:12].strip(): line[14:] for line in lines}
    assert first == f"data/raw/{corpus}, estimated from {COUNT} of its clips:"
    count = int(told["clips"].split()[0])
    assert count == pytest.approx(COUNT, rel=0.1)
    assert told["clips"].endswith("data/manifest.parquet" if is_filtered else "before the filter")
    size = sum(map(len, clips.values())) / 1e6
    assert float(told["data/clips"].split()[0]) == pytest.approx(count / COUNT * size, rel=0.15)
    assert told["decoding"].endswith("compute.jobs: 1")
    assert told["disk"] == "it fits"
    assert not CLIPS.exists()


def told_by_plan(capsys) -> dict[str, str]:
    plan.main()
    _, *lines = capsys.readouterr().out.splitlines()
    return {line[:14].strip(): line[14:].strip() for line in lines}


def test_a_plan_is_for_the_chosen_front_end(project, capsys):
    write_manifest()
    change(project, use_encoder(project))
    assert told_by_plan(capsys)["front-end"] == "encoder, 3 values every 0.25 s"
    pack.main()
    decode.main()
    told = told_by_plan(capsys)
    size, already = told["data/features"].split(", ")
    assert already == "already there"
    assert float(size.removesuffix(" MB")) == pytest.approx(size_of(FEATURES) / 1e6, abs=0.05)
    assert told["data/clips"].endswith("already there")
    change(project, {"features": "logmel"})
    told = told_by_plan(capsys)
    assert told["front-end"] == "logmel, 64 values every 0.01 s"
    assert float(told["data/features"].removesuffix(" MB")) > 4 * size_of(FEATURES) / 1e6


def test_a_plan_without_its_encoder_says_how_to_make_it(project):
    change(project, {"features": "dvector"})
    with pytest.raises(
        UserError, match=r"^there is no data/encoders/dvector/dvector\.onnx: python -m pipeline\.encoder"
    ):
        plan.main()


def test_a_plan_that_does_not_fit_is_a_failure(project, monkeypatch, capsys):
    leave_free(monkeypatch, 1000)
    with pytest.raises(UserError, match="data/clips and data/features: about"):
        plan.main()
    assert "hours" in capsys.readouterr().out


def test_a_plan_without_a_corpus_is_one_line(project):
    name_corpus(Path("data/raw/absent.tar"))
    with pytest.raises(UserError, match="there is no such file"):
        plan.main()
