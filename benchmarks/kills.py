"""What does a SIGKILL cost? Kills pack, decode and train under `dvc repro` at random moments, and runs them again."""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.timing import show
from tests.pipeline.killing import bytes_under
from tests.project import ENVIRONMENT, change, make_project

OUTPUTS = {"pack": "data/clips", "decode": "data/features", "train": "data/model"}
SETTINGS = {"pack": {"clips_per_shard": 4}, "train": {"max_epochs": 12, "patience": 12}}


def forced(stage: str, project: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", stage]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=project, env=os.environ | ENVIRONMENT, start_new_session=True, **quiet)  # noqa: S603


def seconds_of(stage: str, project: Path) -> float:
    start = time.perf_counter()
    with forced(stage, project) as run:
        run.stderr.read()
    return time.perf_counter() - start


def kill_and_rerun(stage: str, project: Path, after: float) -> str:
    """The outcome of a stage that is killed after so many seconds, with all its processes, and run again.

    DVC writes its lock file in place; if the kill hits that, the file is restored from the last commit, as `make repro`
    says.
    """
    whole, lock = bytes_under(project / OUTPUTS[stage]), project / "dvc.lock"
    before = lock.read_bytes()
    with forced(stage, project) as run:
        try:
            run.wait(after)
            return "ended first" if run.returncode == 0 else f"failed: {run.stderr.read().decode()}"
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
    is_torn = not is_whole(lock)
    if is_torn:
        lock.write_bytes(before)
    with forced(stage, project) as again:
        said = again.stderr.read().decode()
    if again.returncode:
        return f"blocked: {said.strip().splitlines()[-1]}"
    if bytes_under(project / OUTPUTS[stage]) != whole:
        return "other bytes"
    if list((project / "data/.partial").iterdir()):
        return "left something"
    return "as unbroken, but for dvc.lock" if is_torn else "as unbroken"


def is_whole(lock: Path) -> bool:
    try:
        return "stages" in yaml.safe_load(lock.read_text(encoding="utf-8"))
    except (yaml.YAMLError, TypeError):
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each stage (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    draw, rows = random.Random(chosen.seed), []  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        make_project(project)
        change(project, SETTINGS)
        for stage in OUTPUTS:
            usual = seconds_of(stage, project)
            outcomes: dict[str, int] = {}
            while sum(outcomes.values()) - outcomes.get("ended first", 0) < chosen.kills:
                outcome = kill_and_rerun(stage, project, draw.uniform(0.2, 1) * usual)
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
                print(f"{stage}: {outcome}", file=sys.stderr, flush=True)
            rows += [(stage, outcome, str(count)) for outcome, count in outcomes.items()]
    show(f"{chosen.kills} SIGKILLs of each, and a rerun", ("stage", "outcome", "times"), rows)


if __name__ == "__main__":
    main()
