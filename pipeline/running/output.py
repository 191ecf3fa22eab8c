"""Output: reads what a stage has written; for a missing or damaged file, one line names it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from pipeline.stage import UserError

Kind = TypeVar("Kind")

REMEDY = "remove it, and dvc repro makes it again"
UNREADABLE = (OSError, ValueError, TypeError, LookupError, NotImplementedError)  # pyarrow raises them all
UNREADABLE += (RecursionError,)  # for JSON that is nested too deeply


def read_parquet(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """These columns, or all. Raises UserError for a file that is missing or damaged, or lacks one of them."""
    with named(path):
        return pd.read_parquet(path, columns=columns)


def read_csv(path: Path, columns: list[str], **options) -> pd.DataFrame:
    """These columns at least; `options` are those of pandas. Raises UserError as `read_parquet` does."""
    with named(path):
        table = pd.read_csv(path, **options)
        absent = [name for name in columns if name not in table]
        if absent:
            raise ValueError(f"it lacks {', '.join(absent)}")
    return table


def read_json(path: Path, kind: type[Kind], key: str | None = None, remedy: str = REMEDY) -> Kind:
    """The contents of the file, or the value of `key` in it; only the fields of `kind`, if it is a dataclass.

    Raises UserError for a file that is missing, damaged or of another kind, and says what to do: `remedy`.
    """
    with named(path, remedy):
        values = json.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(kind).validate_python(values if key is None else values[key])


@contextmanager
def named(path: Path, remedy: str = REMEDY) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"there is no {path}: dvc repro makes it") from None
    except UNREADABLE as error:
        raise UserError(f"{path} cannot be read ({why(error)}): {remedy}") from None


def why(error: Exception) -> str:
    """The first message of an error, in one line."""
    if isinstance(error, ValidationError):
        mistake = error.errors()[0]
        return ": ".join([".".join(map(str, mistake["loc"])), mistake["msg"]]).removeprefix(": ")
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]}"
    return " ".join(str(error).split("\n")[0].split()) or type(error).__name__
