"""Tables in the forms of five releases; who is in them is made up."""

import pandas as pd
import pytest

from pipeline.corpus.ages import AGES
from pipeline.corpus.commonvoice import FEMALE, GENDERS, MALE, OTHER, UNSTATED, read_table
from pipeline.stage import UserError
from tests.conftest import write_table

UP_TO_6 = "client_id path sentence up_votes down_votes age gender accent locale segment"
FROM_8 = UP_TO_6.replace("accent", "accents")
FROM_13 = FROM_8.replace("accents", "accents variant")
FROM_17 = FROM_13.replace("sentence", "sentence_id sentence sentence_domain")
RELEASES = {
    "6.1": (UP_TO_6, ["female", "male", "other", ""]),
    "8.0": (FROM_8, ["female", "male", "other", ""]),
    "13.0": (FROM_13, ["female", "male", "other", ""]),
    "17.0": (FROM_17, ["female_feminine", "male_masculine", "non-binary", "do_not_wish_to_say"]),
    "25.0": (FROM_17, ["female_feminine", "male_masculine", "intersex", "transgender"]),
}


def release(columns: str, genders: list[str]) -> pd.DataFrame:
    count = len(AGES)
    values = {
        "client_id": [f"{number:0128x}" for number in range(count)],
        "path": [f"common_voice_en_{number}.mp3" for number in range(count)],
        "sentence_id": [f"{number:064x}" for number in range(count)],
        "sentence": ['"It rains', 'and "pours"', "Tab?", *["so they say"] * (count - 3)],
        "sentence_domain": "",
        "up_votes": "2",
        "down_votes": "0",
        "age": list(AGES),
        "gender": [genders[number % len(genders)] for number in range(count)],
        "accent": "England English",
        "accents": "England English",
        "variant": "",
        "locale": "en",
        "segment": "",
    }
    return pd.DataFrame({name: values[name] for name in columns.split()})


@pytest.mark.parametrize("number", RELEASES)
def test_a_table_of_each_release_is_read_alike(number, tmp_path):
    written = release(*RELEASES[number])
    write_table(written, tmp_path / "validated.tsv")
    rows = read_table(tmp_path / "validated.tsv")
    assert " ".join(rows.columns) == "client_id path sentence up_votes down_votes age gender locale accent"
    for name in ("client_id", "path", "sentence", "age"):
        assert list(rows[name]) == list(written[name])
    assert set(rows["accent"]) == {"England English"}
    assert list(rows["gender"][:2]) == [FEMALE, MALE]
    assert set(rows["gender"][2:4]) <= {OTHER, UNSTATED}


def test_every_word_for_gender_has_a_meaning_and_others_count_as_not_stated(tmp_path):
    words = [*GENDERS, "MALE", "unheard-of"]
    table = release(FROM_17, words)
    table = pd.concat([table, table.assign(gender=words[::-1][: len(table)])])
    write_table(table, tmp_path / "validated.tsv")
    genders = read_table(tmp_path / "validated.tsv")["gender"]
    expected = [GENDERS.get(word, UNSTATED) for word in table["gender"]]
    assert list(genders) == expected


def test_a_table_without_accents_is_one(tmp_path):
    write_table(release(*RELEASES["25.0"]).drop(columns="accents"), tmp_path / "validated.tsv")
    assert set(read_table(tmp_path / "validated.tsv")["accent"]) == {""}


def test_a_table_without_columns_is_not_confused_with_no_table(tmp_path):
    write_table(release(*RELEASES["8.0"]).drop(columns=["age", "locale"]), tmp_path / "validated.tsv")
    with pytest.raises(UserError, match="lacks the columns age, locale"):
        read_table(tmp_path / "validated.tsv")
    (tmp_path / "validated.tsv").write_bytes(b"\xff\xfe\x00\x01" * 99)
    with pytest.raises(UserError, match=r"validated\.tsv"):
        read_table(tmp_path / "validated.tsv")
