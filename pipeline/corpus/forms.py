"""Forms: what kinds of table there are, told apart by their columns."""

from pathlib import Path

from pipeline.corpus.delimited import comma_separated, header_of, tab_separated

RELEASE, SPONTANEOUS, OWN = "Common Voice", "Common Voice Spontaneous Speech", "own table"
COLUMNS = {SPONTANEOUS: {"client_id", "audio_file"}, RELEASE: {"client_id", "path"}, OWN: {"path"}}


def form_of(table: Path) -> str | None:
    """The first form of which the table has the columns; None for any other file."""
    is_csv = table.suffix == ".csv"
    names = set(header_of(table, comma_separated if is_csv else tab_separated))
    if is_csv or ("speaker" in names and "client_id" not in names):
        return OWN  # what it lacks is said when it is read
    return next((form for form, columns in COLUMNS.items() if columns <= names), None)
