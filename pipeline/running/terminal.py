"""Terminal: prints any name without failing, and without controlling the terminal."""

import io
import os
import select
import sys
from collections.abc import Iterable

NAMED = 3  # names in a message, at most


def printable(text: object) -> str:
    """`text` as one line, with an escape for every unprintable character: `\\n`, `\\x1b`, `\\udce9`."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(text))


def some(names: Iterable) -> str:
    """The first NAMED of these, sorted, and how many more there are."""
    names = sorted(map(str, names))
    others = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + others


def print_anything() -> None:
    """From now on, print writes `?` for what the encoding of standard output lacks, instead of raising an error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def nobody_reads() -> bool:
    """Whether standard output is a pipe whose other end has closed, as `head` leaves it."""
    watched = select.poll()
    watched.register(1, 0)
    return any(state & select.POLLERR for _, state in watched.poll(0))


def drop_output() -> None:
    """From now on, discard what is printed, and what is still buffered."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
