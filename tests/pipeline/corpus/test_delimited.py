import csv
import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus import delimited
from pipeline.corpus.delimited import comma_separated, read_delimited, tab_separated
from pipeline.stage import UserError

HEADER = ["client_id", "path", "sentence", "age"]
texts = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), max_size=8)
rows_of_any_length = st.lists(st.lists(texts, min_size=1, max_size=7).filter(any), max_size=20)


def expected(rows: list[list[str]]) -> pd.DataFrame:
    padded = [(row + [""] * len(HEADER))[: len(HEADER)] for row in rows]
    return pd.DataFrame(padded, columns=HEADER, dtype="str")


def check(path, rows, fields_of):
    table, excess = read_delimited(path, ["age", "path", "absent", "client_id"], fields_of)
    assert list(table) == ["age", "path", "client_id"]
    pd.testing.assert_frame_equal(table, expected(rows)[list(table)])
    assert excess.tolist() == [len(row) - len(HEADER) for row in rows]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows=rows_of_any_length, end=st.sampled_from(["\n", "\r\n", "\n\n"]), has_end=st.booleans())
def test_every_line_is_a_row_whatever_is_in_it(tmp_path_factory, rows, end, has_end):
    path = tmp_path_factory.mktemp("tables") / "table.tsv"
    lines = end.join("\t".join(row) for row in [HEADER, *rows])
    path.write_bytes((lines + end * has_end).encode())
    check(path, rows, tab_separated)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows=rows_of_any_length, quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_a_csv_is_read_as_it_was_written(tmp_path_factory, rows, quoting):
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    written = io.StringIO()
    csv.writer(written, quoting=quoting).writerows([HEADER, *rows])
    path.write_bytes(written.getvalue().encode())
    check(path, rows, comma_separated)


def test_lines_are_whole_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BYTES_AT_ONCE", 64)
    rows = [[f"é{number}" * (1 + number % 3), "b", "", "\r"] for number in range(200)]
    path = tmp_path / "table.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join("\t".join(row) for row in [HEADER, *rows]).encode())
    check(path, rows, tab_separated)


def test_a_table_without_rows_has_its_columns(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("\t".join(HEADER), encoding="utf-8")
    check(path, [], tab_separated)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"\n\n\r\n", "it is empty"),
        (b"path\tage\na.mp3\tteens\n\xe9.mp3\tteens\n", "line 3 is not UTF-8"),
        (b"path\tage\na.mp3\tteens\n\xe9.mp3", "line 3 is not UTF-8"),
        (b"path\tage\n" + bytes(3 * delimited.BYTES_AT_ONCE), r"a line of more than \d+ bytes"),
    ],
)
def test_what_is_not_a_table_is_one_line(tmp_path, data, why):
    (tmp_path / "table.tsv").write_bytes(data)
    with pytest.raises(UserError, match=why) as raised:
        read_delimited(tmp_path / "table.tsv", ["path"], tab_separated)
    assert "\n" not in str(raised.value)


def test_what_is_not_a_file_is_one_line(tmp_path):
    for path in (tmp_path, tmp_path / "absent.tsv"):
        with pytest.raises(UserError, match="there is no such file"):
            read_delimited(path, ["path"], tab_separated)
