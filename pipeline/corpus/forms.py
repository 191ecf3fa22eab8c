"""Forms: what kinds of table there are, told apart by their columns."""

from pathlib import Path

from pipeline.corpus.delimited import header_of

RELEASE, SPONTANEOUS, OWN = "Common Voice", "Common Voice Spontaneous Speech", "own table"
COLUMNS = {SPONTANEOUS: {"client_id", "audio_file"}, RELEASE: {"client_id", "path"}, OWN: {"path"}}


def form_of(table: Path) -> str | None:
    """The first form of which the table has the columns; None for any other file."""
    names = set(header_of(table))
    if table.suffix == ".csv" or ("speaker" in names and "client_id" not in names):
        return OWN  # what it lacks is said when it is read
    return next((form for form, columns in COLUMNS.items() if columns <= names), None)
