"""Stage: how a stage starts, fails in one line, and builds its output aside until it is whole."""

import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from features.store import StoreError
from models.config import ModelError

PARTIAL = Path("data/.partial")


class UserError(Exception):
    """Something a user can cause and mend; its text is the one line that says so."""


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main`.

    A UserError, or a lack of what an earlier stage makes, becomes one line on standard error and exit code 1.
    """
    try:
        main()
    except (UserError, StoreError, ModelError) as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {error}")
    except FileNotFoundError as error:
        if not str(error.filename).startswith("data/"):
            raise
        sys.exit(f"{Path(sys.argv[0]).stem}: there is no {error.filename}: dvc repro makes what this stage needs")
    except KeyboardInterrupt:
        sys.exit(130)


def fingerprint(*parts: Any) -> str:
    """16 hex digits that change with any part.

    A Path counts with the bytes of its file, a module with its source, a dataclass with its values,
    anything else as JSON.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(bytes_of(part) + b"\0")
    return digest.hexdigest()


def bytes_of(part: Any) -> bytes:
    if isinstance(part, Path):
        return part.read_bytes()
    if isinstance(part, ModuleType):
        return Path(part.__file__).read_bytes()
    if is_dataclass(part):
        part = asdict(part)
    return json.dumps(part, sort_keys=True).encode()


@contextmanager
def build_aside(out: Path, mark: str, joins: bool = False) -> Iterator[Path]:
    """Yield a folder to build `out` in, which becomes `out` when the block ends well.

    A run that was killed finds its folder again under the same `mark` (see `fingerprint`). Parts made under another
    mark stay until a run ends well, then go. Raises UserError while another process builds the same output; a
    process that `joins` only gets the folder of the one that leads.
    """
    PARTIAL.mkdir(parents=True, exist_ok=True)
    partial = PARTIAL / f"{out.stem}-{mark}"
    if joins:
        yield partial
        return
    with locked(PARTIAL / f"{out.stem}.lock"):
        partial.mkdir(exist_ok=True)
        yield partial
        move_in(partial, out)
        for stale in PARTIAL.glob(f"{out.stem}-*"):
            shutil.rmtree(stale)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on `path`; the system frees it when the process ends, however it ends."""
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(f"process {file.read() or '?'} is still at work on this: wait for it, or end it") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def move_in(partial: Path, out: Path) -> None:
    """Put a folder in the place of `out`; what was there before goes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists():
        out.rename(partial.with_suffix(".replaced"))
    partial.rename(out)
    shutil.rmtree(partial.with_suffix(".replaced"), ignore_errors=True)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`, renamed to `path` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
