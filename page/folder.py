"""Folder: where the page keeps recordings, and makes sure that they are deleted."""

import fcntl
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

PREFIX = "voice-age-"
MARK = ".voice-age-page"  # the file that marks a folder as ours to delete


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is deleted when the block ends, or at the next call if this process is killed."""
    clear_dead()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = locked(folder)
    try:
        (folder / MARK).touch()  # only now: a folder that is marked and not locked is dead
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def clear_dead() -> None:
    """Delete the folders of processes that no longer run."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # somebody else's, in use, or just deleted by another start
            if is_ours(folder):
                lock = locked(folder)
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def is_ours(folder: Path) -> bool:
    """Whether this user's page made it. Raises OSError if there is no mark."""
    mark = (folder / MARK).lstat()
    return stat.S_ISREG(mark.st_mode) and mark.st_uid == folder.lstat().st_uid == os.geteuid()


def locked(folder: Path) -> int:
    """A descriptor that locks the folder until it is closed or the process ends.

    Raises OSError if the folder is already locked or is a link.
    """
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


@contextmanager
def emptied(folder: Path, every: float, kept: float) -> Iterator[None]:
    """While the block runs, delete files that have not changed for `kept` s, with a check every `every` s."""
    stopped = threading.Event()

    def look() -> None:
        while not stopped.wait(every):
            delete_older(folder, time() - kept)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def delete_older(folder: Path, than: float) -> None:
    """Delete the files in `folder` and below that last changed before `than`, in s since the epoch.

    Gradio's own `delete_cache` would leave uploads that broke off.
    """
    for path in folder.rglob("*"):
        with suppress(OSError):
            changed = path.lstat()
            if not stat.S_ISDIR(changed.st_mode) and changed.st_ctime < than:
                path.unlink()
