"""One line: what an error says of a file that may be damaged, or a stranger's."""

LONGEST = 300  # characters


def one_line(error: Exception) -> str:
    """The first line of the error's text, cut if it is long; the name of its type if it has no text."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:LONGEST]
