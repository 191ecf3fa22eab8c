import pandas as pd
import pytest

from pipeline.corpus.hashes import hashes
from pipeline.splits.listed import listed_split, official_split
from pipeline.stage import UserError

CLIENTS = ["anna", "anna", "bela", "cleo", "dora"]


@pytest.fixture
def rows():
    """Five clips of four speakers."""
    speaker = hashes(pd.Series(CLIENTS)).astype("str")
    return pd.DataFrame({"speaker": speaker, "path": [f"{number}.mp3" for number in range(5)], "official": ""})


@pytest.fixture
def csv(tmp_path):
    def write(text: str):
        path = tmp_path / "mine.csv"
        path.write_bytes(text.encode())
        return path

    return write


def test_speakers_by_client_id_or_by_hash(rows, csv):
    given = listed_split(rows, csv(f"speaker,split\nanna,train\nbela,dev\n{rows['speaker'][3]},test\n"))
    assert given.tolist()[:4] == ["train", "train", "val", "test"]
    assert pd.isna(given[4])


def test_clips_by_path(rows, csv):
    given = listed_split(rows, csv("path,split\n0.mp3,train\n2.mp3,val\n3.mp3,test\n"))
    assert given.dropna().to_dict() == {0: "train", 2: "val", 3: "test"}


@pytest.mark.parametrize(
    "text", ['"path","split"\r\n"0.mp3","train"\r\n"2.mp3",val\r\n', "split,path\rtrain,0.mp3\rval,2.mp3"]
)
def test_quotes_and_the_line_ends_of_any_system(rows, csv, text):
    assert listed_split(rows, csv(text)).dropna().to_dict() == {0: "train", 2: "val"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speaker,split\nanna,train\nanna,test\nbela,val\nbela,test\n", "puts 2 speakers in two splits"),
        ("path,split\n0.mp3,train\n1.mp3,test\n", "1 speakers have clips in two splits"),
        ("path,split\n0.mp3,train\n0.mp3,test\n", "puts 1 paths in two splits"),
        ("speaker,split\nanna,learn\n", "split is 'learn': allowed are train, val, test, dev"),
        ("speaker,split\nnobody,test\n", "names no speaker that is in the manifest"),
        ("who,split\nanna,test\n", "lacks a column: it needs split, and speaker or path"),
        ("", "is not a table: it is empty"),
        ('path,split\n"0.mp3,train\n', "is not a table: unexpected end of data"),
        ("path,split\n0.mp3,train,\n1.mp3,test\n", "row 1 has a comma too many"),
        ("path,split\n0.mp3,train\n1.mp3\n", "row 2 has a comma too few"),
    ],
)
def test_impossible_files_are_refused(rows, csv, text, message):
    with pytest.raises(UserError, match=message):
        listed_split(rows, csv(text))


def test_no_such_file(rows, tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        listed_split(rows, tmp_path / "absent.csv")


def test_speakers_in_two_of_the_releases_splits_are_counted(rows):
    rows["official"] = ["train", "test", "train", "val", "test"]
    with pytest.raises(UserError, match="official: 1 speakers have clips in two splits"):
        official_split(rows)


def test_clips_in_two_of_the_releases_splits_are_counted(rows):
    rows["official"] = ["train", "train", "train+test", "val", "test"]
    with pytest.raises(UserError, match="1 clips are in two of the release's own splits"):
        official_split(rows)


def test_a_release_without_splits_is_refused(rows):
    with pytest.raises(UserError, match="no chosen clip is in the release's train, dev or test table"):
        official_split(rows)
