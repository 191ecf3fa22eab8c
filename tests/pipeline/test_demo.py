"""Demo: a made-up release with the oddities of a real one (also synthetic.py)."""

import csv
import io
import tarfile
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import soundfile

from pipeline import demo
from pipeline.demo import make_corpus
from pipeline.stage import UserError
from pipeline.voices.synthetic import RATE, draw_voice, speak

ROOT = "cv-corpus-demo/en"
GROUP = {age: age for age in demo.GROUPS} | dict.fromkeys(demo.OLDEST, "sixties")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "data" / "demo.tar.gz"
    make_corpus(path, speakers=24, clips=60, seed=0, jobs=2)
    return path


@pytest.fixture(scope="module")
def members(archive) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {member.name.removeprefix(f"{ROOT}/"): tar.extractfile(member).read() for member in tar}


@pytest.fixture(scope="module")
def tables(members) -> dict[str, pd.DataFrame]:
    return {name: read(members[f"{name}.tsv"]) for name in ("validated", "other")}


@pytest.fixture(scope="module")
def clips(members) -> dict[str, bytes]:
    return {name.removeprefix("clips/"): data for name, data in members.items() if name.startswith("clips/")}


def read(table: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(table), sep="\t", quoting=csv.QUOTE_NONE, dtype="str", keep_default_na=False)


def decoded(mp3: bytes) -> tuple[np.ndarray, int]:
    """(samples, channels) and Hz; nothing for what is no MP3."""
    try:
        return soundfile.read(io.BytesIO(mp3), always_2d=True)
    except soundfile.LibsndfileError:
        return np.zeros((0, 1)), 0


def test_any_number_of_workers_writes_the_same_bytes(archive, tmp_path):
    again = tmp_path / "again.tar.gz"
    make_corpus(again, speakers=24, clips=60, seed=0, jobs=1)
    assert again.read_bytes() == archive.read_bytes()
    assert list(tmp_path.iterdir()) == [again]


def test_the_layout_is_that_of_a_release(archive, members, tables):
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        assert all((member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644) for member in tar)
    assert names == sorted(names)
    assert names[-5:] == [f"{ROOT}/{name}.tsv" for name in ("dev", "other", "test", "train", "validated")]
    columns = "client_id path sentence up_votes down_votes age gender accents locale segment"
    for table in tables.values():
        assert " ".join(table.columns) == columns
        assert table.path.str.fullmatch(r"common_voice_en_1\d{7}\.mp3").all()
        assert table.client_id.str.fullmatch("[0-9a-f]{128}").all()
        assert set(table.locale) == {"en"}
    listed = [path for table in tables.values() for path in table.path]
    assert len(listed) == len(set(listed))


def test_the_releases_own_split_is_of_whole_speakers(members, tables):
    own = pd.concat([read(members[f"{name}.tsv"]).assign(split=name) for name in ("train", "dev", "test")])
    assert sorted(own.path) == sorted(tables["validated"].path)
    assert (own.groupby("client_id")["split"].nunique() == 1).all()


def test_groups_are_even_and_hold_both_sexes(tables):
    people = demo.draw_speakers(24, seed=0)
    counts = Counter(GROUP[clip.age] for clip in demo.clean_clips(people, 60, seed=0))
    assert counts == dict.fromkeys(demo.GROUPS, 10)
    table = tables["validated"]
    for group in demo.GROUPS:
        genders = set(table.gender[table.age.map(GROUP) == group])
        assert {"male", "female"} <= genders


def test_ordinary_speakers_have_a_few_clips_each():
    people = demo.draw_speakers(60, seed=1)
    counts = Counter(clip.speaker.client_id for clip in demo.clean_clips(people, 200, seed=1))
    assert len(counts) == 60
    assert max(counts.values()) <= demo.MOST_CLIPS
    assert len(set(counts.values())) > 3


def test_rows_contain_what_real_tables_contain(tables):
    table, other = tables["validated"], tables["other"]
    assert (table.age == "").sum() >= 3
    assert (table.age == "ageless").sum() == 1
    votes = set(zip(other.up_votes, other.down_votes, strict=True))
    assert {("0", "0"), ("1", "0"), ("0", "2")} <= votes
    assert ("2", "1") in set(zip(table.up_votes, table.down_votes, strict=True))
    assert table.client_id.value_counts().max() == 60
    assert {"teens", "sixties"} in table.groupby("client_id").age.agg(set).tolist()


def test_quotes_break_a_reader_that_interprets_them(members, tables):
    assert tables["validated"].sentence.str.startswith('"').any()
    rows = members["validated.tsv"].count(b"\n") - 1
    assert len(tables["validated"]) == rows
    minding = list(csv.reader(io.StringIO(members["validated.tsv"].decode()), delimiter="\t"))
    assert len(minding) - 1 < rows


def test_clips_are_broken_in_every_way(tables, clips):
    labelled = tables["validated"][tables["validated"].age.isin(demo.YEARS_OF_AGE)]
    missing = [path for path in labelled.path if path not in clips]
    assert len(missing) == 1
    sounds = {path: decoded(clips[path]) for path in labelled.path if path in clips}
    seconds = {path: len(sound) / rate for path, (sound, rate) in sounds.items() if rate}
    unreadable = [clips[path] for path, (_, rate) in sounds.items() if not rate]
    assert sorted(len(data) for data in unreadable) == [0, 20_000]
    assert sum(abs(length - 0.3) < 0.05 for length in seconds.values()) == 1
    assert sum(not sounds[path][0].any() for path in seconds) == 1
    assert all(1.5 < length < 5.1 for length in seconds.values() if length > 0.4)


def test_a_truncated_clip_is_half_an_mp3():
    person = demo.draw_speakers(12, seed=0)[0]
    whole = demo.Clip(person, person.age, seconds=(4.0, 5.0), number=10_000_001)
    cut = demo.replace(whole, defect="truncated")
    assert demo.render(whole, 0).startswith(demo.render(cut, 0))
    (sound, rate), (half, _) = decoded(demo.render(whole, 0)), decoded(demo.render(cut, 0))
    assert 1.5 < len(half) / rate < 0.6 * len(sound) / rate


def test_formats_vary(clips):
    headers = [soundfile.info(io.BytesIO(data)) for data in clips.values() if decoded(data)[1]]
    counts = Counter((header.samplerate, header.channels) for header in headers)
    assert set(counts) == {(48_000, 1), (32_000, 1), (44_100, 2)}
    assert counts[48_000, 1] > len(headers) / 2


@pytest.mark.parametrize(("age", "sex"), [(17, "male"), (17, "female"), (45, "male"), (45, "female"), (70, "male")])
def test_a_voice_has_its_pitch(age, sex):
    voice = draw_voice(age, sex, np.random.default_rng(age))
    sound = speak(voice, 5.0, np.random.default_rng(0))
    assert median_pitch(sound) == pytest.approx(voice.pitch, rel=0.08)


def median_pitch(sound: np.ndarray) -> float:
    """Hz: the autocorrelation's peak between 70 and 350 Hz in frames of 40 ms that are periodic."""
    shortest, longest = RATE // 350, RATE // 70
    found = []
    for start in range(0, len(sound) - 640, 320):
        frame = sound[start : start + 640] * np.hanning(640)
        match = np.correlate(frame, frame, "full")[639:]
        lag = shortest + int(np.argmax(match[shortest:longest]))
        if match[0] > 1e-3 and match[lag] > 0.5 * match[0]:
            found.append(RATE / lag)
    return float(np.median(found))


def test_an_older_tract_is_longer_and_its_breath_louder():
    voices = {age: [draw_voice(age, "male", np.random.default_rng(seed)) for seed in range(50)] for age in (17, 65)}
    mean = {age: np.mean([(v.tract, v.breath, -v.tempo) for v in of_age], axis=0) for age, of_age in voices.items()}
    assert (mean[65] > mean[17]).all()


@pytest.mark.parametrize(("speakers", "clips"), [(11, 60), (24, 23), (24, 200)])
def test_impossible_numbers_are_named(tmp_path, speakers, clips):
    with pytest.raises(UserError, match=r"demo\.(speakers|clips) is"):
        make_corpus(tmp_path / "demo.tar.gz", speakers, clips, seed=0, jobs=1)
    assert not list(tmp_path.iterdir())
