"""Folder: where the page keeps recordings, and what makes sure that none stays."""

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
MARK = ".voice-age-page"  # a file in a folder that is ours to delete


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that goes when the block ends, or at the next call if this process is killed before."""
    clear_dead()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = locked(folder)
    try:
        (folder / MARK).touch()  # only now: what is marked and not locked is dead
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def clear_dead() -> None:
    """Delete the folders of processes that no longer run."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # somebody else's, at work, or just deleted by another start
            if is_ours(folder):
                lock = locked(folder)
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def is_ours(folder: Path) -> bool:
    """Whether a page of this user made it. Raises OSError where there is no mark."""
    mark = (folder / MARK).lstat()
    return stat.S_ISREG(mark.st_mode) and mark.st_uid == folder.lstat().st_uid == os.geteuid()


def locked(folder: Path) -> int:
    """A descriptor that holds a lock on the folder until it is closed, if by the end of the process.

    Raises OSError for what is locked, and for a link.
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
    """While the block runs, look every so many s for files that have not changed for `kept` s, and delete them."""
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

    Gradio's own `delete_cache` would leave what it has of an upload that broke off.
    """
    for path in folder.rglob("*"):
        with suppress(OSError):
            changed = path.lstat()
            if not stat.S_ISDIR(changed.st_mode) and changed.st_ctime < than:
                path.unlink()
