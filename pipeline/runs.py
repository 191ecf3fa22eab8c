"""Runs: the whole pipeline, or an experiment beside it, from the corpus or, if it is not here, from pulled features."""

import argparse
import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import dvc.api
import yaml
from dvc.exceptions import DvcException
from dvc.repo import Repo, lock_repo

from pipeline.corpus.archive import Archive
from pipeline.corpus.corpora import open_corpora
from pipeline.corpus.note import are_as_noted
from pipeline.experiments import table
from pipeline.params import Params, load_params
from pipeline.paths import DVC_LOCK, FEATURES
from pipeline.stage import UserError, run_stage

FROM_FEATURES = "--allow-missing"  # makes DVC treat missing files as unchanged
NEW_FILES = ("features", "models", "pipeline", "data/splits")  # where stages read files that Git may not know yet


def repro(params: Params) -> None:
    start = start_of(params)
    reread_if_changed(Path(params.corpus))
    run_dvc("repro", *start)


def experiment(params: Params, model: str) -> None:
    """Train and evaluate another architecture in a copy of the project; the files here stay as they are."""
    if model not in params.architectures:
        raise UserError(f"there is no model '{model}': allowed are {', '.join(params.architectures)}")
    if git("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT").returncode:
        raise UserError(
            "an experiment is a commit, which needs a name: git config user.name NAME; git config user.email ADDRESS"
        )
    start = start_of(params)
    update_features(params, start)
    name = free_name(model)
    copied = [word for path in new_files() for word in ("--copy-paths", path)]
    # Git ignores the corpus, so it is not in the copy; everything made from it has just been brought up to date.
    run_dvc("exp", "run", "--temp", FROM_FEATURES, "--name", name, *copied, "-S", f"model={model}")
    show_experiment(name, is_whole=not start)


def show_experiment(name: str, is_whole: bool) -> None:
    """Print an experiment's scores, and how to keep it; `dvc exp apply` needs everything that it names to be here."""
    row = table([row for row in dvc.api.exp_show() if row["Experiment"] == name])
    model = row["model"].item()
    print(row.to_string(index=False))
    by_hand = f"set model: {model} in params.yaml and run make repro"
    applied = f"run dvc exp apply {name}, or {by_hand}"
    print(f"exp: to get it here, {applied if is_whole else by_hand}")


def update_features(params: Params, start: list[str]) -> None:
    """Bring up to date what experiments start from: the copies in which they run have no corpus."""
    reread_if_changed(Path(params.corpus))
    with Repo() as repo, lock_repo(repo):
        stages = repo.stage.collect("decode", with_deps=True)
        is_old = any(stage.changed(allow_missing=FROM_FEATURES in start) for stage in stages)
    if is_old:
        run_dvc("repro", *start, "decode")


def reread_if_changed(corpus: Path) -> None:
    """Run `tables` again if clips beside a table are not as they were noted: DVC only looks at the table."""
    corpora = open_corpora(corpus) if corpus.exists() else []
    if any(not isinstance(each, Archive) for each in corpora):
        run_dvc("repro", "tables")
        if not are_as_noted(corpora):
            run_dvc("repro", "--force", "--single-item", "tables")


def start_of(params: Params) -> list[str]:
    """The options that DVC needs if the features are here but the corpus is not.

    Raises UserError if neither is here, if the features are from another corpus or would have to be made again, or if
    a killed DVC left dvc.lock half-written.
    """
    locked = corpus_of_lock()
    try:
        open_corpora(Path(params.corpus))
        return []
    except UserError as error:
        lack = str(error)
    if params.corpus == locked and FEATURES.is_dir():
        check_features(params.corpus)
        return [FROM_FEATURES]
    if params.corpus.startswith("data/demo/"):
        return []
    if params.corpus == locked:
        lack += ", and no features were pulled: make pull"
    elif locked:
        lack += f"; the features that dvc.lock names are from {locked}"
    raise UserError(lack)


def corpus_of_lock() -> str | None:
    """The corpus that the features were made from, according to dvc.lock."""
    try:
        stages = yaml.safe_load(DVC_LOCK.read_text(encoding="utf-8"))["stages"]
        return stages["tables"]["params"]["params.yaml"]["corpus"]
    except (FileNotFoundError, KeyError):
        return None
    except (yaml.YAMLError, TypeError, UnicodeDecodeError):
        raise UserError(
            f"{DVC_LOCK} cannot be read: restore it from a commit, as in git checkout HEAD {DVC_LOCK}"
        ) from None


def check_features(corpus: str) -> None:
    """Raises UserError if a stage that has to run reads files that stay where the corpus is."""
    with Repo() as repo, lock_repo(repo):
        kept = {os.path.normpath(corpus), *(str(out) for out in repo.index.outs if not out.can_push)}
        for stage in repo.stage.collect("decode", with_deps=True):
            lost = [str(dep) for dep in stage.deps if str(dep) in kept and not dep.exists]
            if lost and stage.changed(allow_missing=True):
                raise UserError(
                    f"the corpus is not here, but {stage.addressing} would have to read {', '.join(lost)} again: "
                    "run this where the corpus is, and share it with make push"
                )


def free_name(model: str) -> str:
    """An unused name for an experiment."""
    taken = git("for-each-ref", "--format=%(refname:lstrip=-1)", "refs/exps").stdout.splitlines()
    return next(name for number in count(1) if (name := f"{model}-{number}") not in taken)


def new_files() -> list[str]:
    """Files and folders that stages may read but Git does not know yet: DVC only copies them when told to."""
    options = ("-z", "--others", "--exclude-standard", "--directory", "--no-empty-directory")
    return git("ls-files", *options, "--", *NEW_FILES).stdout.split("\0")[:-1]


def git(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(["git", *words], capture_output=True, text=True)  # noqa: S603, S607


def run_dvc(*words: str) -> None:
    """Run a dvc command. If it fails, it has said why: exit with its code."""
    code = subprocess.run([sys.executable, "-m", "dvc", *words]).returncode  # noqa: S603
    if code:
        sys.exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("repro")
    commands.add_parser("exp").add_argument("model")
    chosen = parser.parse_args()
    sys.argv[0] = chosen.command  # what messages begin with
    try:
        repro(load_params()) if chosen.command == "repro" else experiment(load_params(), chosen.model)
    except DvcException as error:
        raise UserError(" ".join(str(error).split())) from error


if __name__ == "__main__":
    run_stage(main)
