"""Siege: tries many hostile inputs, one after another, and counts how they end."""

import argparse
import os
import re
import resource
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.timing import markdown
from features.store import StoreError
from models.config import ModelError
from pipeline.stage import UserError

SECONDS = 10  # of CPU time that an input may take
PATIENCE = 120  # s, until one that only waits counts as taking too long
MEMORY = 1e9  # bytes, at most, for the whole siege

READ, REFUSED = "read", "refused in one line"
TRACEBACK, ENDLESS, OUTSIDE, LOST = "tracebacks", f"over {SECONDS} s", "wrote outside data/", "lost track of a row"
FAULTS = (TRACEBACK, ENDLESS, OUTSIDE, LOST)

Input = tuple[str, Callable[[], None]]  # how it was made, and what is done with it


class TookTooLong(BaseException):
    """Not an Exception, so that nothing under test catches it."""


class Unaccounted(Exception):  # noqa: N818 - an end, as Rejected is
    """A row or a clip that is lost: nothing says what happened to it."""


def besiege(inputs: Callable[[Path], Iterable[Input]], what: str) -> None:
    """Try each input in a project's folder, print how they ended, and exit with code 1 if one found a fault.

    `inputs` is given a folder outside the project, for attacks that try to write there.
    """
    for sign in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(sign, stop)
    home, ends = Path.cwd(), Counter()
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for each in ("outside", "project/data"):
            (root / each).mkdir(parents=True)
        os.chdir(root / "project")
        before = outside_data(root)
        for made, attempt in inputs(root / "outside"):
            end = end_of(attempt, made)
            shutil.rmtree("data")
            Path("data").mkdir()
            if outside_data(root) != before:
                end = OUTSIDE
                before = outside_data(root)
            if end in FAULTS:
                print(f"{end}: {made}", file=sys.stderr)
            ends[end] += 1
        os.chdir(home)
    memory = peak_memory()
    names = (READ, REFUSED, *FAULTS)
    row = (what, f"{sum(ends.values())}", *(f"{ends[name]}" for name in names), f"{memory / 1e6:.0f} MB")
    markdown(("", "tried", *names, "memory at most"), [row])
    sys.exit(any(ends[name] for name in FAULTS) or memory > MEMORY)


def end_of(attempt: Callable[[], None], made: str) -> str:
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(PATIENCE)
    try:
        with redirect_stderr(StringIO()):  # progress bars
            attempt()
        return READ
    except (UserError, StoreError, ModelError) as error:  # as run_stage does
        return REFUSED if "\n" not in str(error) else TRACEBACK
    except TookTooLong:
        return ENDLESS
    except Unaccounted as error:
        print(f"{made}: {error}", file=sys.stderr)
        return LOST
    except Exception:
        print(f"{made}:\n{traceback.format_exc()}", file=sys.stderr)
        return TRACEBACK
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)


def stop(signal_number: int, frame: object) -> None:
    raise TookTooLong


def outside_data(root: Path) -> set[tuple[Path, int, int]]:
    """The files in `root` except the project's data: path, size, and time of the last change."""
    paths = [path for path in root.rglob("*") if root / "project/data" not in [path, *path.parents]]
    return {(path, (state := path.lstat()).st_size, state.st_mtime_ns) for path in paths if path.is_file()}


def peak_memory() -> int:
    """The peak memory of this process in bytes; on Linux, getrusage starts from what its parent held."""
    status = Path("/proc/self/status")
    if status.is_file():
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def arguments(what: str, **counts: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=what)
    for name, count in counts.items():
        parser.add_argument(f"--{name}", type=int, default=count, help="default: %(default)s")
    return parser.parse_args()
