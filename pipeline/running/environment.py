"""Environment: what to do if Python lacks a library, as it does outside the project's own environment."""

import sys
from pathlib import Path
from types import TracebackType

OURS = ("features", "models", "page", "pipeline")


def explain_missing_libraries() -> None:
    """From now on, importing a missing library ends the program with one line."""
    sys.excepthook = explain_import


def explain_import(kind: type[BaseException], error: BaseException, trace: TracebackType) -> None:
    library = (getattr(error, "name", None) or "").split(".")[0]
    if kind is not ModuleNotFoundError or library in ("", *OURS):
        return sys.__excepthook__(kind, error, trace)
    print(
        f"{Path(sys.argv[0]).stem}: {sys.executable} has no {library}: "
        "source .venv/bin/activate (make repro installs into it)",
        file=sys.stderr,
    )
    return None
