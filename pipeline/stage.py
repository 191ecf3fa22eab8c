"""Stage: how a stage starts, and how it fails with one line."""

import errno
import hashlib
import json
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from features.front_ends.encoder import EncoderError
from features.store import StoreError
from models.config import ModelError
from pipeline.running.signals import end_in_a_line
from pipeline.running.terminal import drop_output, nobody_reads, print_anything, printable

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UserError(Exception):
    """Something a user can cause and fix; its text is the one line that says so."""


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main`.

    A UserError or a system error (a full disk, a missing file) becomes one line on standard error and exit code 1.
    Ctrl-C and SIGTERM exit with 130 and 143, and a closed pipe, as with `| head`, with 141.
    """
    end_in_a_line()
    print_anything()
    threading.excepthook = leave_to_main
    try:
        try:
            main()
        finally:
            print(end="", flush=True)
    except BrokenPipeError as error:
        if not nobody_reads():
            sys.exit(f"{Path(sys.argv[0]).stem}: {printable(refusal(error))}")
        drop_output()
        sys.exit(128 + signal.SIGPIPE)
    except (UserError, StoreError, ModelError, EncoderError) as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {printable(error)}")
    except OSError as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {printable(refusal(error))}")


def leave_to_main(ended: threading.ExceptHookArgs) -> None:
    """Ignore a system error in a thread, such as TensorBoard's on a full disk: `main` hits and reports it too."""
    if not issubclass(ended.exc_type, OSError):
        threading.__excepthook__(ended)


def refusal(error: OSError) -> str:
    """A system error in one line."""
    if isinstance(error, FileNotFoundError) and str(error.filename).startswith("data/"):
        return f"there is no {error.filename}: dvc repro makes what this stage needs"
    what = error.strerror or " ".join(str(error).split()) or type(error).__name__
    where = f"{error.filename}: " if error.filename else ""
    remedy = "; make room and run it again: finished work is kept" if error.errno in FULL else ""
    return f"{where}{what}{remedy}"


def fingerprint(*parts: Any) -> str:
    """16 hex digits that change with any part.

    A Path counts as the bytes of its file, a module as its source, a dataclass as its values, anything else as JSON.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part_bytes(part) + b"\0")
    return digest.hexdigest()


def part_bytes(part: Any) -> bytes:
    if isinstance(part, Path):
        return part.read_bytes()
    if isinstance(part, ModuleType):
        return Path(part.__file__).read_bytes()
    if is_dataclass(part):
        part = asdict(part)
    return json.dumps(part, sort_keys=True).encode()
