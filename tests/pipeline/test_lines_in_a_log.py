"""What the long stages tell where there is no terminal, of inputs that are over before a line would be due."""

import io
import re
import tarfile
from functools import partial

import pandas as pd
import pytest

from features.running import progress
from pipeline.corpus.corpora import open_corpora
from pipeline.decode import decode
from pipeline.demo import make_corpus
from pipeline.pack import merge_lists, pack
from pipeline.running.engine import on_loky
from tests.conftest import write_release

CLIPS = {f"clip{number}.mp3": b"no sound" for number in range(6)}


@pytest.fixture
def at_once(monkeypatch):
    """A line is due with each update."""
    monkeypatch.setattr(progress, "FIRST", 0)
    monkeypatch.setattr(progress, "BETWEEN", 0)


@pytest.fixture
def release(tmp_path):
    return write_release(tmp_path / "en", pd.DataFrame({"client_id": "a", "path": list(CLIPS)}), CLIPS)


def test_pack_and_decode(at_once, release, tmp_path, front_end, capsys):
    packed, decoded = tmp_path / "packed", tmp_path / "decoded"
    packed.mkdir()
    decoded.mkdir()
    pack(open_corpora(release)[0], {name: name.removesuffix(".mp3") for name in CLIPS}, packed, 2)
    assert capsys.readouterr().err.splitlines()[-1].startswith("pack: 6 of 6 clips, ")
    index = merge_lists(packed)
    about = {"age": "teens", "gender": "", "accent": "", "locale": "en", "speaker": "0" * 16}
    decode(packed, index[["key"]].assign(**about), decoded, front_end, partial(on_loky, jobs=1))
    assert [line.split(" clips")[0] for line in capsys.readouterr().err.splitlines()] == [
        "decode: 2 of 6",
        "decode: 4 of 6",
        "decode: 6 of 6",
    ]


def test_a_pass_over_an_archive(at_once, tmp_path, capsys):
    size = 2**18
    with tarfile.open(tmp_path / "corpus.tar", "w") as tar:
        for number in range(4):
            member = tarfile.TarInfo(f"clips/{number}.mp3")
            member.size = size
            tar.addfile(member, io.BytesIO(bytes(size)))
    assert len(list(open_corpora(tmp_path / "corpus.tar")[0].any_clips())) == 4
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(re.fullmatch(r"clips: [\d.]+ MB of 1\.1 MB, .+ left", line) for line in lines), lines


def test_demo(at_once, tmp_path, capsys):
    make_corpus(tmp_path / "demo.tar.gz", speakers=12, clips=12, seed=0, jobs=1)
    last = capsys.readouterr().err.splitlines()[-1]
    done, total = last.removeprefix("demo: ").split(" clips")[0].split(" of ")
    assert done == total
