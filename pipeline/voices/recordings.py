"""Recordings: finds the sound files named on a command line, and reads them."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from features.decoding.rejected import Rejected
from pipeline.running.terminal import some

STANDARD_INPUT = "-"
LARGEST_FILE = 100_000_000  # bytes of a file; a minute of stereo at 192 kHz and 32 bits has 92 million
SUFFIXES = (  # of the files in a folder that are taken as sound files
    *(".3gp", ".aac", ".aif", ".aifc", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".mka", ".mov", ".mp3", ".mp4"),
    *(".oga", ".ogg", ".opus", ".rf64", ".snd", ".spx", ".w64", ".wav", ".webm"),
)

Refuse = Callable[[str, str], None]  # is given the name of what is refused, and why
Note = Callable[[str, str], None]  # is given the name of a folder, and what to know about it


def expand(names: Iterable[str], refuse: Refuse, note: Note) -> list[str]:
    """These names, with each folder replaced by the sound files under it, sorted.

    `refuse` is given folders that cannot be read or hold no sound files, `note` those in which files are skipped.
    """
    found = []
    for name in names:
        if not name or not Path(name).is_dir():
            found.append(name)
            continue
        files = sorted(files_under(name, refuse))
        sounds = [path for path in files if is_named_as_sound(path)]
        others = [str(Path(path).relative_to(name)) for path in files if not is_named_as_sound(path)]
        if not sounds:
            refuse(name, f"no sound files in this folder ({', '.join(SUFFIXES)})")
        elif others:
            note(name, f"skipped {some(others)}, whose names do not end like those of sound files")
        found += sounds
    return found


def is_named_as_sound(path: str) -> bool:
    return Path(path).suffix.lower() in SUFFIXES


def files_under(folder: str, refuse: Refuse) -> Iterator[str]:
    """The files in a folder and below, no pipes or devices; `refuse` is given folders that cannot be read."""

    def unreadable(error: OSError) -> None:
        refuse(error.filename, error.strerror)

    for above, _, names in os.walk(folder, onerror=unreadable):
        yield from (str(path) for path in (Path(above, name) for name in names) if path.is_file())


def read_recording(name: str) -> bytes:
    """The bytes of a file, or of standard input. Raises OSError, and Rejected for more than LARGEST_FILE."""
    if name == STANDARD_INPUT:
        data = sys.stdin.buffer.read(LARGEST_FILE + 1)
    else:
        with open(name, "rb") as file:  # noqa: PTH123 - Path turns an empty name into the current folder
            data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise Rejected("too_long", f"over {LARGEST_FILE / 1e6:.0f} MB")
    return data
