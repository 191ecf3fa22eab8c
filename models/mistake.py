"""Mistake: what pydantic found wrong, in one line: where it is, what is there, what is allowed."""

MOST = 80  # characters shown of a value, which may be a stranger's


def explained(mistake: dict) -> str:
    """`mistake` is one of `ValidationError.errors()`."""
    where, said = shortened(".".join(map(str, mistake["loc"]))), mistake["msg"]
    match mistake["type"]:
        case "unexpected_keyword_argument":
            return f"{where} is unknown"
        case "missing" | "missing_argument":
            return f"{where} is missing"
    if said.startswith("Input "):
        return f"{where or 'it'} is {shortened(repr(mistake['input']))}: it {said.removeprefix('Input ')}"
    said = said.removeprefix("Value error, ")
    return f"{where}: {said}" if where else said


def shortened(text: str) -> str:
    """In one line of at most MOST characters."""
    line = " ".join(text[: 2 * MOST].split())
    return line if len(line) <= MOST else line[: MOST - 1] + "…"
