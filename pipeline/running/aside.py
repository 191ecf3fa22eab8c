"""Aside: builds an output in a separate folder, and moves it into place when it is complete."""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from features.running.durable import sync, written_whole
from pipeline.paths import PARTIAL
from pipeline.running.checkout import main_checkout
from pipeline.stage import UserError


@dataclass(frozen=True)
class Finished:
    """What a resumable stage has made in its folder."""

    files: list[str]  # these become the output; everything else in the folder was there to resume from
    said: str  # printed once the output is in place
    beside: dict[str, str] = field(default_factory=dict)  # small outputs of the same stage: their texts by path


@contextmanager
def build_aside(out: Path, mark: str) -> Iterator[Path]:
    """Yield an empty folder, which becomes `out` if the block succeeds, and is removed if it does not.

    Raises UserError if another process is building the same output.
    """
    folder = part_of(out, mark)
    with alone(out, folder):
        remove(folder)
        folder.mkdir()
        try:
            yield folder
            move_in(folder, out)
        except BaseException:
            remove(folder)
            raise
        clear(out, folder)


def build_resumed(out: Path, mark: str, build: Callable[[Path], Finished]) -> None:
    """Have `build` make `out` in a folder that a rerun with the same `mark` finds again after a kill.

    What `build` returns is recorded before any cleanup: from then on, a rerun only moves it into place. Parts with
    other marks are removed once a run succeeds. Raises UserError if another process is building the same output.
    """
    folder = part_of(out, mark)
    with alone(out, folder):
        finished = read_finished(folder)
        if finished is None:
            folder.mkdir(exist_ok=True)
            finished = build(folder)
            write_finished(folder, finished)
        for path, text in finished.beside.items():
            with written_whole(Path(path)) as temporary:
                temporary.write_text(text, encoding="utf-8")
        for each in folder.iterdir():
            if each.name not in finished.files:
                remove(each)
        move_in(folder, out)
        clear(out, folder)
    print(finished.said)


def part_of(out: Path, mark: str) -> Path:
    """The folder in which `out` is built; see `fingerprint` for what makes a mark."""
    return PARTIAL / f"{title_of(out)}-{mark}"


def title_of(out: Path) -> str:
    """What the names of its parts begin with. Without dots: what follows one tells the files beside a part apart."""
    return out.name.replace(".", "_")


def record_of(folder: Path) -> Path:
    """The file that records that the part in `folder` is complete."""
    return folder.with_name(f"{folder.name}.json")


def write_finished(folder: Path, finished: Finished) -> None:
    for name in finished.files:
        sync(folder / name)
    sizes = {name: (folder / name).stat().st_size for name in finished.files}
    with written_whole(record_of(folder)) as temporary:
        temporary.write_text(json.dumps([sizes, finished.said, finished.beside]), encoding="utf-8")


def read_finished(folder: Path) -> Finished | None:
    """The record of a complete part, if there is one and the part is still complete."""
    record = record_of(folder)
    try:
        sizes, said, beside = json.loads(record.read_text(encoding="utf-8"))
        if all((folder / name).stat().st_size == size for name, size in sizes.items()):
            return Finished(list(sizes), said, beside)
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        pass
    record.unlink(missing_ok=True)
    return None


@contextmanager
def alone(out: Path, folder: Path) -> Iterator[None]:
    """Keep other processes from building the same output, here or (an experiment in a copy) from the same part."""
    PARTIAL.mkdir(parents=True, exist_ok=True)
    here = Path("data/.partial")
    here.mkdir(parents=True, exist_ok=True)
    with locked(here / f"{title_of(out)}.lock"), locked(folder.with_name(f"{folder.name}.lock")):
        yield


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on `path`, which is then removed; the system frees the lock however the process ends."""
    while True:
        with path.open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                who = file.read() or "?"
                raise UserError(f"process {who} is still working on this: wait for it, or end it") from None
            if not is_at(file.fileno(), path):
                continue  # whoever held it has just removed it
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one at `path`."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def move_in(folder: Path, out: Path) -> None:
    """Move a folder to `out`, replacing what was there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    replaced = folder.with_name(f"{folder.name}.replaced")
    remove(replaced)
    folder = on_same_disk(folder, out)
    if os.path.lexists(out):
        rename(out, replaced)
    folder.rename(out)


def on_same_disk(folder: Path, out: Path) -> Path:
    """The folder, or a copy of it on the disk of `out`."""
    if folder.stat().st_dev == out.parent.stat().st_dev:
        return folder
    copy = out.with_name(f".{out.name}.partial")
    remove(copy)
    return Path(shutil.copytree(folder, copy))


def rename(path: Path, target: Path) -> None:
    """Like Path.rename, but what would have to move to another disk is removed instead."""
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        remove(path)


def clear(out: Path, mine: Path) -> None:
    """Remove `mine` and the other parts of `out` that no process is working on; from a copy, only `mine`.

    An experiment has no reason to discard what other runs were killed at.
    """
    found = PARTIAL.iterdir() if main_checkout() == Path() else ()
    names = {path.name.split(".")[0] for path in found}
    for name in sorted(name for name in names - {mine.name} if name.rpartition("-")[0] == title_of(out)):
        with suppress(UserError), locked(PARTIAL / f"{name}.lock"):
            remove_part(PARTIAL / name)
    remove_part(mine)


def remove_part(folder: Path) -> None:
    """Remove a part, in an order that never leaves half of it to resume from."""
    discarded = folder.with_name(f"{folder.name}.discarded")
    remove(discarded)
    if folder.exists():
        folder.rename(discarded)
    for each in (discarded, record_of(folder), folder.with_name(f"{folder.name}.replaced")):
        remove(each)


def remove(path: Path) -> None:
    """Remove what is at `path`, if anything is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
