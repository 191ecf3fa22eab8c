"""Names: file names from tables, archives and settings, for a system in any locale."""

import os

LONGEST_NAME = 255  # bytes; no file system has longer ones


def file_name(name: str) -> str:
    """What Python calls the file whose name is `name` in UTF-8: a different text if the locale is not UTF-8."""
    return os.fsdecode(name.encode("utf-8", "surrogateescape"))


def name_of(file_name: str) -> str:
    """The name, in UTF-8, of a file that Python calls `file_name`."""
    return os.fsencode(file_name).decode("utf-8", "surrogateescape")
