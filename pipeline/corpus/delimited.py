"""Delimited: tables of text, read with one row per line of the file, damaged lines included."""

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.stage import UserError

LONGEST_HEADER = 2**16  # bytes
BYTES_AT_ONCE = 4 * 2**20  # bytes read at a time; no line may be longer


def tab_separated(lines: str) -> pa.Array:
    """The fields of each line that is not blank. Nothing is quoted: sentences contain stray quotes, and bare CRs."""
    each = pc.split_pattern(pa.array([lines.replace("\r\n", "\n")], pa.large_string()), "\n").flatten()
    return pc.split_pattern(each.filter(pc.not_equal(each, "")), "\t")


def comma_separated(lines: str) -> pa.Array:
    """The fields of each line that is not blank, quoted or not. Raises csv.Error for a quote out of place."""
    rows = csv.reader(io.StringIO(lines, newline=""), strict=True)
    return pa.array([row for row in rows if row], pa.list_(pa.large_string()))


def fields_of(path: Path) -> Callable[[str], pa.Array]:
    """How the fields of a table are found, by its suffix."""
    return comma_separated if path.suffix == ".csv" else tab_separated


def read_delimited(
    path: Path, names: Sequence[str], fields_of: Callable[[str], pa.Array]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Those of these columns that a table has, as text, and how many more fields than columns each row has, (rows,).

    A row where that number is not 0 is damaged; below 0 it has too few fields. Fields are counted from the left in
    every row, and those that a row lacks are empty. Raises UserError for a file that is not such a table.
    """
    header, columns, excess = [], {}, [np.zeros(0, int)]
    for lines in whole_lines(path):
        try:
            fields = fields_of(lines)
        except csv.Error as error:
            raise UserError(f"{path} is not a table: {error}") from None
        begins, values = fields.offsets.to_numpy(), fields.values
        if not header and len(fields):
            header, begins = values[: begins[1]].to_pylist(), begins[1:]
            columns = {name: [] for name in names if name in header}
        lengths = np.diff(begins)
        excess.append(lengths - len(header))
        for name, parts in columns.items():
            place = header.index(name)
            parts.append(values.take(pa.array(begins[:-1] + place, mask=lengths <= place)).fill_null(""))
    if not header:
        raise UserError(f"{path} is not a table: it is empty")
    table = pa.table({name: pa.chunked_array(parts, pa.large_string()) for name, parts in columns.items()})
    return table.to_pandas(), np.concatenate(excess)


def header_of(path: Path) -> list[str]:
    """The names of a table's columns; none if it cannot be read as a table."""
    try:
        with path.open("rb") as file:
            line = next((line for line in file.read(LONGEST_HEADER).split(b"\n") if line.strip()), b"")
        return fields_of(path)(line.removeprefix(BOM_UTF8).decode() + "\n")[0].as_py()
    except (OSError, UnicodeDecodeError, csv.Error, IndexError):
        return []


def whole_lines(path: Path) -> Iterator[str]:
    """A file's text in blocks of whole lines. Raises UserError if it is not UTF-8, or if a line is too long."""
    if not path.is_file():
        raise UserError(f"{path} cannot be read: there is no such file")
    line, rest = 1, b""
    try:
        with path.open("rb") as file:
            file.seek(len(BOM_UTF8) if file.read(len(BOM_UTF8)) == BOM_UTF8 else 0)
            while block := file.read(BYTES_AT_ONCE):
                lines, end, rest = (rest + block).rpartition(b"\n")
                if len(rest) > BYTES_AT_ONCE:
                    raise UserError(f"{path} is not a table: it has a line of more than {BYTES_AT_ONCE} bytes")
                yield (lines + end).decode()
                line += (lines + end).count(b"\n")
            yield rest.decode()
    except UnicodeDecodeError as error:
        line += error.object[: error.start].count(b"\n")
        raise UserError(f"{path} is not a table: line {line} is not UTF-8") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
