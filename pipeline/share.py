"""Share: features and models from a remote and to one, and runs that start from them where the corpus is not.

What may not leave this machine (the archive, its tables, its clips) is marked `push: false` where it is made.
"""

import argparse
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dvc.config import ConfigError, NoRemoteError
from dvc.repo import Repo

from pipeline.decode import LOGMEL
from pipeline.note import is_as_noted, is_unpacked
from pipeline.params import Params, load_params
from pipeline.stage import UserError, run_stage

LOCK = Path("dvc.lock")
FROM_FEATURES = "--allow-missing"  # with it DVC takes what was not pulled as unchanged


def pull(targets: list[str]) -> None:
    """Fetch what dvc.lock names and a remote may hold, all or the targets. Raises UserError if some is not there."""
    if not LOCK.is_file():
        raise UserError("there is no dvc.lock here: whoever has the corpus commits it after make repro and make push")
    with Repo() as repo:
        shared = {str(out): out for out in repo.index.outs if out.can_push}
        unknown = [target for target in targets if target not in shared]
        if unknown:
            raise UserError(f"{', '.join(unknown)} cannot be pulled: what can is {', '.join(shared)}")
        with remote_of(repo) as address:
            fetched = repo.pull(targets, allow_missing=True)["stats"]["fetched"]
        absent = [name for name, out in shared.items() if name in (targets or shared) and out.status()]
    if absent:
        names = "what dvc.lock names" if len(absent) == len(shared) else f"all of {', '.join(absent)}"
        raise UserError(f"{address} does not hold {names}: whoever made it can make push")
    print(f"pull: {fetched:,} files from {address}")


def push() -> None:
    """Send what is here and a remote may hold. Raises UserError if none is."""
    with Repo() as repo:
        if not any(out.exists for out in repo.index.outs if out.can_push):
            raise UserError("there is nothing here to push: make repro makes it")
        with remote_of(repo) as address:
            pushed = repo.push()
        kept = [str(out) for out in repo.index.outs if not out.can_push]
    print(f"push: {pushed:,} files to {address}; kept here: {', '.join(kept)}")


@contextmanager
def remote_of(repo: Repo) -> Iterator[str]:
    """Yield the address of the default remote, once it answers. Raises UserError for whatever fails there."""
    try:
        remote = repo.cloud.get_remote()
    except NoRemoteError:
        raise UserError("no remote is set: dvc remote add --default NAME ADDRESS") from None
    except ConfigError as error:
        raise UserError(str(error)) from None
    except ImportError as error:
        raise UserError(f"{error}; for ssh and s3: .venv/bin/pip install -c constraints.txt -e '.[remotes]'") from None
    address = repo.config["remote"][remote.name]["url"]
    reasons = Reasons()
    try:
        with suppress(FileNotFoundError):  # nothing is there yet
            remote.fs.ls(remote.path)  # asked first: why nothing could be fetched, DVC does not say
        yield address
    except Exception as error:
        reason = reasons.first or error
        said = f"a file is not there ({reason})" if isinstance(reason, FileNotFoundError) else reason
        raise UserError(f"{address}: {said}") from error


class Reasons(logging.Handler):
    """Keeps the first error that DVC logs, in the place of a line for each file that it keeps from passing."""

    def __init__(self):
        super().__init__()
        self.first: BaseException | None = None
        for name in ("dvc", "dvc_data", "dvc_objects"):
            logging.getLogger(name).handlers = [self]

    def emit(self, record: logging.LogRecord) -> None:
        self.first = self.first or (record.exc_info and record.exc_info[1])


def repro(params: Params) -> None:
    start = start_of(params)
    reread_if_changed(Path(params.corpus))
    dvc("repro", *start)


def reread_if_changed(corpus: Path) -> None:
    """Run `tables` again if an unpacked release is not as it was noted: DVC looks at its validated.tsv alone."""
    if is_unpacked(corpus) and corpus.is_file():
        dvc("repro", "tables")
        if not is_as_noted(corpus):
            dvc("repro", "--force", "--single-item", "tables")


def experiment(params: Params, model: str) -> None:
    if model not in params.architectures:
        raise UserError(f"there is no model '{model}': allowed are {', '.join(params.architectures)}")
    dvc("exp", "run", *start_of(params), "-S", f"model={model}")


def start_of(params: Params) -> list[str]:
    """What DVC must be told where the features are here and the corpus is not. Raises UserError if neither is."""
    if Path(params.corpus).is_file():
        return []
    if LOCK.is_file() and LOGMEL.is_dir():
        return [FROM_FEATURES]
    if params.corpus.startswith("data/demo/"):
        return []
    pulled = ", and no features were pulled: make pull" if LOCK.is_file() else ""
    raise UserError(f"params.yaml: corpus is {params.corpus}: there is no such file{pulled}")


def dvc(*words: str) -> None:
    """Run a dvc command, and end with its exit code if it fails: it has said why."""
    code = subprocess.run([sys.executable, "-m", "dvc", *words]).returncode  # noqa: S603
    if code and FROM_FEATURES in words:
        raise UserError("the corpus is not here: what a change of filter, pack or features asks for is run where it is")
    if code:
        sys.exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("pull").add_argument("targets", nargs="*")
    commands.add_parser("push")
    commands.add_parser("repro")
    commands.add_parser("exp").add_argument("model")
    match parser.parse_args():
        case argparse.Namespace(command="pull", targets=targets):
            pull(targets)
        case argparse.Namespace(command="push"):
            push()
        case argparse.Namespace(command="repro"):
            repro(load_params())
        case argparse.Namespace(command="exp", model=model):
            experiment(load_params(), model)


if __name__ == "__main__":
    run_stage(main)
