"""Recordings: the sound files that names on a command line stand for, and their bytes."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from features.decoding.rejected import Rejected

STANDARD_INPUT = "-"
LARGEST_FILE = 100_000_000  # bytes of a file; a minute of stereo at 192 kHz and 32 bits has 92 million
SUFFIXES = (  # by which the sound files in a folder are told from the others
    *(".3gp", ".aac", ".aif", ".aifc", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".mka", ".mov", ".mp3", ".mp4"),
    *(".oga", ".ogg", ".opus", ".rf64", ".snd", ".spx", ".w64", ".wav", ".webm"),
)
OTHERS_NAMED = 3  # files that are passed over, by name; of the others only the number is told

Refuse = Callable[[str, str], None]  # is told the name of what is not taken, and why
Note = Callable[[str, str], None]  # is told the name of a folder, and what is to be known of it


def expand(names: Iterable[str], refuse: Refuse, note: Note) -> list[str]:
    """These names, with the sound files under each folder in its place, sorted.

    `refuse` is told of folders that cannot be read or hold no sound files, `note` of what is passed over in others.
    """
    found = []
    for name in names:
        if not name or not Path(name).is_dir():
            found.append(name)
            continue
        files = sorted(files_under(name, refuse))
        sounds = [path for path in files if Path(path).suffix.lower() in SUFFIXES]
        others = [str(Path(path).relative_to(name)) for path in files if Path(path).suffix.lower() not in SUFFIXES]
        if not sounds:
            refuse(name, f"no sound files in this folder ({', '.join(SUFFIXES)})")
        elif others:
            note(name, passed_over(others))
        found += sounds
    return found


def files_under(folder: str, refuse: Refuse) -> Iterator[str]:
    """The files in a folder and those beneath it, no pipes and devices; `refuse` is told of folders that are closed."""

    def closed(error: OSError) -> None:
        refuse(error.filename, error.strerror)

    for above, _, names in os.walk(folder, onerror=closed):
        yield from (str(path) for path in (Path(above, name) for name in names) if path.is_file())


def passed_over(names: list[str]) -> str:
    more = f" and {len(names) - OTHERS_NAMED:,} more" if len(names) > OTHERS_NAMED else ""
    return f"passed over {', '.join(names[:OTHERS_NAMED])}{more}, whose names do not end like those of sound files"


def read_recording(name: str) -> bytes:
    """The bytes of a file, or of standard input. Raises OSError, and Rejected for more than LARGEST."""
    if name == STANDARD_INPUT:
        data = sys.stdin.buffer.read(LARGEST_FILE + 1)
    else:
        with open(name, "rb") as file:  # noqa: PTH123 - of an empty name Path makes the folder at hand
            data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise Rejected("too_long", f"over {LARGEST_FILE / 1e6:.0f} MB")
    return data
