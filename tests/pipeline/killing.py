"""Killing: a process that dies at a chosen change to the files of a project, as by SIGKILL, and its rerun."""

import os
import sys
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "shutil.copyfile"}
KILLED = 137


def kill_at(number: int, root: Path) -> None:
    """Let this process die just before its `number`-th change, from 0, to anything under `root/data`.

    Changes are what Python reports to audit hooks (PEP 578): renames, removals, new folders, and files opened for
    writing.
    """
    data, left = root / "data", iter(range(number))

    def hook(event: str, arguments: tuple) -> None:
        if event in CHANGES or (event == "open" and is_for_writing(arguments)):
            paths = [Path(os.fsdecode(each)).absolute() for each in arguments if isinstance(each, str | bytes | Path)]
            is_ours = any(path.is_relative_to(data) for path in paths) or in_open_folder(event, arguments)
            if is_ours and next(left, None) is None:
                os._exit(KILLED)

    sys.addaudithook(hook)


def in_open_folder(event: str, arguments: tuple) -> bool:
    """Whether a path is told relative to an open folder, as shutil.rmtree does."""
    return event in ("os.remove", "os.rmdir") and arguments[1] != -1


def is_for_writing(arguments: tuple) -> bool:
    path, _, flags = arguments
    return not isinstance(path, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def killed_everywhere(run: Callable[[], None], root: Path, made: Callable[[], Any], reset: Callable[[], None]) -> int:
    """Kill `run` at every change that it makes to files, one after the other, each time from what `reset` leaves, and
    run it again: what is `made` must be as after an unbroken run, and `data/.partial` empty.

    Returns the number of changes.
    """
    reset()
    assert forked(run) == 0
    whole = made()
    for number in count():
        reset()
        code = forked(lambda number=number: (kill_at(number, root), run()))
        assert code in (0, KILLED), f"exit code {code} when killed at change {number}"
        assert forked(run) == 0, f"the rerun failed after a kill at change {number}"
        assert made() == whole, f"another result after a kill at change {number}"
        assert not list((root / "data/.partial").iterdir()), f"leftovers after a kill at change {number}"
        if code == 0:
            return number
    raise AssertionError


def forked(run: Callable[[], None]) -> int:
    """The exit code of a fork of this process that runs this, and nothing else."""
    child = os.fork()
    if not child:
        code = 1
        try:
            run()
            code = 0
        except SystemExit as ending:
            if isinstance(ending.code, str):
                print(ending.code, file=sys.stderr)
            else:
                code = ending.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def bytes_under(folder: Path) -> dict[str, bytes]:
    """Every file in a folder and its folders, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
