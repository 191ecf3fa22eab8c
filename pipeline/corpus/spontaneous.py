"""Spontaneous: Common Voice Spontaneous Speech, answers to prompts in people's own words.

A release is one table, `ss-corpus-LOCALE.tsv`, and MP3s in `audios/`. Its columns (Mozilla Data Collective):

    client_id audio_id audio_file duration_ms prompt_id prompt transcription votes age gender accents variant language
    split char_per_sec quality_tags

Ages are stated since 3.0. Votes are about transcriptions, not about the recording, and are not looked at.
"""

from pathlib import Path

import pandas as pd

from pipeline.corpus.commonvoice import GENDERS, OFFICIAL, UNSTATED, check_columns, without_damaged
from pipeline.corpus.delimited import read_delimited, tab_separated

NEEDED = ("client_id", "audio_file", "language")
KNOWN = ("age", "gender", "accents", "split")  # not in every release


def read_table(path: Path) -> pd.DataFrame:
    """The table in the columns of `commonvoice.read_table`, with `official`, one row per line.

    A damaged line keeps `client_id` and `path` if it has them. Raises UserError for another table.
    """
    fields, excess = read_delimited(path, [*NEEDED, *KNOWN], tab_separated)
    check_columns(path, fields, NEEDED)
    given = {name: fields[name] if name in fields else pd.Series("", fields.index) for name in KNOWN}
    table = pd.DataFrame(
        {
            "client_id": fields["client_id"],
            "path": fields["audio_file"],
            "sentence": fields["audio_file"],  # nobody says the same twice
            "up_votes": "1",
            "down_votes": "0",
            "age": given["age"],
            "gender": given["gender"].map(GENDERS).fillna(UNSTATED),
            "locale": fields["language"],
            "accent": given["accents"],
            "official": given["split"].map(OFFICIAL).fillna(""),
        }
    )
    return without_damaged(table, excess)
