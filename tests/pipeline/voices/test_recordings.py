import os

import pytest

from features.decoding.rejected import Rejected
from pipeline.voices import recordings
from pipeline.voices.recordings import expand, files_under, read_recording


@pytest.fixture
def phone(tmp_path, monkeypatch):
    """A folder as a phone gives it, `phone`, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("phone/one.wav", "phone/two.M4A", "phone/more/three.webm", "phone/more/notes.txt", "phone/list.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"some bytes")
    (tmp_path / "phone/old.wav").mkdir()
    os.mkfifo(tmp_path / "phone/pipe.wav")
    return tmp_path / "phone"


def expanded(names) -> tuple[list[str], dict[str, str], dict[str, str]]:
    refused, noted = {}, {}
    return expand(names, refused.__setitem__, noted.__setitem__), refused, noted


def test_a_folder_is_replaced_by_the_sound_files_in_it(phone):
    found, refused, noted = expanded(["other.wav", "phone"])
    assert found == ["other.wav", "phone/more/three.webm", "phone/one.wav", "phone/two.M4A"]
    assert refused == {}
    why = "whose names do not end like those of sound files"
    assert noted == {"phone": f"skipped list.csv, more/notes.txt, {why}"}


def test_three_of_many_skipped_files_are_named(phone):
    for number in range(1200):
        (phone / f"{number:04}.jpg").touch()
    noted = expanded(["phone"])[2]["phone"]
    assert noted.startswith("skipped 0000.jpg, 0001.jpg, 0002.jpg and 1,199 more, ")


def test_a_folder_without_sound_files_is_refused_and_says_what_would_do(phone):
    found, refused, noted = expanded(["phone/old.wav"])
    assert (found, noted) == ([], {})
    assert refused["phone/old.wav"].startswith("no sound files in this folder (.3gp, .aac, ")


def test_an_empty_name_is_not_the_current_folder(phone):
    assert expanded([""]) == ([""], {}, {})
    with pytest.raises(FileNotFoundError):
        read_recording("")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_an_unreadable_folder_is_named(phone):
    (phone / "more").chmod(0)
    refused = {}
    assert len(list(files_under("phone", refused.__setitem__))) == 3
    (phone / "more").chmod(0o700)
    assert refused == {"phone/more": "Permission denied"}


def test_a_file_is_not_read_beyond_the_limit(phone, monkeypatch):
    monkeypatch.setattr(recordings, "LARGEST_FILE", 10)
    assert read_recording("phone/one.wav") == b"some bytes"
    (phone / "one.wav").write_bytes(bytes(11))
    with pytest.raises(Rejected) as rejected:
        read_recording("phone/one.wav")
    assert rejected.value.reason == "too_long"
