"""Share: pulls features and models from a remote, and pushes them to one.

Outputs that may not leave this machine (the archive, its tables, its clips) are marked `push: false` in their stage.
"""

import argparse
import filecmp
import hashlib
import logging
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from dvc.config import ConfigError, NoRemoteError
from dvc.exceptions import DvcException, UploadError
from dvc.fs.callbacks import TqdmCallback
from dvc.output import Output
from dvc.repo import Repo, lock_repo
from dvc_data.hashfile.db import HashFileDB
from dvc_data.hashfile.hash_info import HashInfo

from features.running.progress import counted
from pipeline.paths import DVC_LOCK
from pipeline.running.terminal import some
from pipeline.stage import UserError, run_stage

Named = dict[Path, HashInfo]  # a file, or the listing of a folder, by its path under data/


def pull(targets: list[str]) -> None:
    """Fetch the outputs in dvc.lock that a remote may hold, either all of them or the targets.

    Raises UserError naming the files that the remote lacks or holds damaged.
    """
    if not DVC_LOCK.is_file():
        raise UserError("there is no dvc.lock here: whoever has the corpus commits it after make repro and make push")
    with Repo() as repo, lock_repo(repo):
        shared = {str(out): out for out in shared_outs(repo)}
        unknown = [target for target in targets if target not in shared]
        if unknown:
            raise UserError(f"{', '.join(unknown)} cannot be pulled; these can: {', '.join(shared)}")
        chosen = [shared[name] for name in targets or shared]
        cache = repo.cache.local
        with remote_of(repo) as (address, remote):
            fetched = fetch(heads(chosen), remote, cache, address)
            fetched += fetch(listed_files(chosen), remote, cache, address)
        repo.checkout([str(out) for out in chosen])
    print(f"pull: {fetched:,} files from {address}")


def push() -> None:
    """Send the outputs that are here and that a remote may hold. Raises UserError if there are none."""
    with Repo() as repo, lock_repo(repo):
        shared = shared_outs(repo)
        if not any(out.exists for out in shared):
            raise UserError("there is nothing here to push: run make repro first")
        objects = {*heads(shared).values(), *listed_files(shared).values()}
        cache = repo.cache.local
        with remote_of(repo) as (address, remote), TqdmCallback(unit="file", desc="push", disable=None) as progress:
            # Without DVC's notes on what the remote holds: they assume that a folder, once pushed, stays there.
            sent = repo.cloud.transfer(cache, remote, objects, cache_odb=cache, callback=progress)
            if sent.failed:
                raise UploadError(len(sent.failed))
        kept = [str(out) for out in repo.index.outs if not out.can_push]
    print(f"push: {len(sent.transferred):,} files to {address}; kept here: {', '.join(kept)}")


def shared_outs(repo: Repo) -> list[Output]:
    """The outputs in dvc.lock that a remote may hold; not those outside DVC's cache, such as the d-vector's file."""
    return [out for out in repo.index.outs if out.can_push and out.use_cache and out.hash_info]


def heads(outs: Iterable[Output]) -> Named:
    """The outputs that are files, and the listings of those that are folders."""
    return {Path(str(out)): out.hash_info for out in outs}


def listed_files(outs: Iterable[Output]) -> Named:
    """The files in the outputs that are folders, if their listings are in the cache."""
    folders = {out: out.get_obj() or () for out in outs if out.is_dir_checksum}
    return {Path(str(out), *key): info for out, listing in folders.items() for key, _, info in listing}


def fetch(named: Named, remote: HashFileDB, cache: HashFileDB, address: str) -> int:
    """Fetch into the cache what it lacks or holds damaged, and return the number of objects.

    Raises UserError naming the files that the remote lacks or holds damaged.
    """
    discard(damaged_files(named, cache), cache)
    wanted = {path: info for path, info in named.items() if not cache.exists(info.value)}
    there = set(remote.list_oids_exists({info.value for info in wanted.values()}))
    found = {path: info for path, info in wanted.items() if info.value in there}
    with TqdmCallback(unit="file", desc="pull", disable=None) as progress:
        cache.add([remote.oid_to_path(each) for each in there], remote.fs, list(there), callback=progress)
    spoilt = damaged_files(found, cache)
    discard(spoilt, cache)
    if spoilt:
        objects = some(remote.oid_to_path(info.value) for info in spoilt.values())
        raise UserError(
            f"{address}: {some(spoilt)} is damaged there: remove {objects}, then make push where it was made"
        )
    if len(found) < len(wanted):
        raise UserError(f"{address} does not hold {some(wanted.keys() - found)}: make push where it was made")
    return len(there)


def damaged_files(named: Named, cache: HashFileDB) -> Named:
    """The files whose bytes in the cache do not match their hash; DVC does not check again what it once fetched."""

    def is_whole(info: HashInfo) -> bool:
        path = Path(cache.oid_to_path(info.value))
        if not path.is_file():
            return True
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        return digest.hexdigest() == info.value.removesuffix(".dir")

    with ThreadPoolExecutor() as pool:
        whole = counted(pool.map(is_whole, named.values()), "check", len(named), "files")
        return {path: named[path] for path, good in zip(named, whole, strict=True) if not good}


def discard(spoilt: Named, cache: HashFileDB) -> None:
    """Remove files from the cache, and their copies from data/."""
    for path, info in spoilt.items():
        cached = Path(cache.oid_to_path(info.value))
        if path.is_file() and filecmp.cmp(cached, path, shallow=False):
            path.unlink()
    for oid in {info.value for info in spoilt.values()}:
        cache.delete(oid)


@contextmanager
def remote_of(repo: Repo) -> Iterator[tuple[str, HashFileDB]]:
    """Yield the address of the default remote and its storage, once it answers.

    Raises UserError for anything that fails there.
    """
    try:
        remote = repo.cloud.get_remote_odb(command="make")
    except NoRemoteError:
        raise UserError("no remote is set: dvc remote add --default NAME ADDRESS") from None
    except ConfigError as error:
        raise UserError(str(error)) from None
    except ImportError as error:
        raise UserError(f"{error}; for ssh and s3: .venv/bin/pip install -c constraints.txt -e '.[remotes]'") from None
    address = repo.config["remote"][repo.config["core"]["remote"]]["url"]
    reasons = Reasons()
    try:
        with suppress(FileNotFoundError):  # nothing is there yet
            remote.fs.ls(remote.path)  # asked first: DVC does not say why it could not fetch
        yield address, remote
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{address}: {reasons.first or error}") from error


class Reasons(logging.Handler):
    """Keeps the first error that DVC logs, instead of printing one line per file that failed."""

    def __init__(self):
        super().__init__()
        self.first: BaseException | None = None
        for name in ("dvc", "dvc_data", "dvc_objects"):
            logging.getLogger(name).handlers = [self]

    def emit(self, record: logging.LogRecord) -> None:
        self.first = self.first or (record.exc_info and record.exc_info[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("pull").add_argument("targets", nargs="*")
    commands.add_parser("push")
    chosen = parser.parse_args()
    sys.argv[0] = chosen.command  # what messages begin with
    try:
        pull(chosen.targets) if chosen.command == "pull" else push()
    except DvcException as error:
        raise UserError(" ".join(str(error).split())) from error


if __name__ == "__main__":
    run_stage(main)
