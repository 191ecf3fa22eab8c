"""Terminal: whatever a name holds, printing it neither fails nor steers the terminal."""

import io
import sys


def printable(text: object) -> str:
    """`text` as one line, with an escape for every character that is not to be seen: `\\n`, `\\x1b`, `\\udce9`."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(text))


def print_anything() -> None:
    """From now on, standard output shows `?` for what its encoding lacks, where print would raise an error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
