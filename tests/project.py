"""Project: a committed copy of it with a small demo, for the tests that run all of it as a user does."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
SMALL = {
    "demo": {"speakers": 36, "clips": 72, "seed": 0},
    "filter": {"balance": "keep", "clips_per_speaker": 5},
    "split": {"folds": 3, "clips_per_speaker": 5},
    "decode": {"max_rejects": 0.2},
    "pack": {"clips_per_shard": 40},
    "train": {"max_epochs": 2, "crop": 1.0},
    "architectures": {
        "cnn": {"channels": [4, 4, 4], "dropout": 0.1},
        "rnn": {"hidden": 8, "layers": 1},
        "tcn": {"channels": 8},
    },
}
STAGES = ["demo", "tables", "filter", "pack", "decode", "split", "train", "evaluate"]


ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    **{"MAKELEVEL": "0", "MAKEFLAGS": ""},  # those of `make test` are not for what the tests make
    **{f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    environment = os.environ | ENVIRONMENT | environment
    return subprocess.run(shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True)


def start(command: str, folder: Path) -> subprocess.Popen:
    """Begin a command, in a process group of its own; what it prints comes line by line."""
    environment = os.environ | ENVIRONMENT | {"PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        shlex.split(command), cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def done(command: str, folder: Path) -> str:
    """What a command that ends well prints."""
    ran = run(command, folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def stages_run(output: str) -> list[str]:
    return [line.split("'")[1].split(":")[-1] for line in output.splitlines() if line.startswith("Running stage")]


def change(folder: Path, settings: dict) -> None:
    """Set values in params.yaml, section by section."""
    params = yaml.safe_load((folder / "params.yaml").read_text())
    for section, values in settings.items():
        if section in ("architectures", "front_ends"):
            for name, settings in values.items():
                params[section].setdefault(name, {}).update(settings)
        elif isinstance(values, dict):
            params[section].update(values)
        else:
            params[section] = values
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def commit(folder: Path, message: str) -> None:
    done("git add .", folder)
    done(f"git commit -qm {message}", folder)


def clone(project: Path, folder: Path) -> Path:
    done(f"git clone -q {project} {folder}", project)
    return folder


def make_project(folder: Path) -> None:
    """Copy the project, small, commit it, run it, and commit what `dvc repro` adds for Git to keep."""
    for name in done("git ls-files --cached --others --exclude-standard", ROOT).splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, folder / name)
    change(folder, SMALL)
    done("git init -q", folder)
    commit(folder, "copy")
    assert stages_run(done("dvc repro", folder)) == STAGES
    commit(folder, "run")


def spare_installing(folder: Path) -> None:
    """Let `make` there find everything installed: what runs the tests is first on the path, see `run`."""
    (folder / ".venv").mkdir(exist_ok=True)
    (folder / ".venv/installed").touch()


def name_remote(project: Path, settings: dict[str, str]) -> None:
    """What `dvc remote add` and `dvc remote modify` write, with --local."""
    lines = [
        "[core]",
        "remote = store",
        "['remote \"store\"']",
        *(f"{key} = {value}" for key, value in settings.items()),
    ]
    (project / ".dvc/config.local").write_text("\n".join(lines) + "\n")


def contents(folder: Path) -> dict[str, bytes]:
    """All that a folder holds, by path; of a file, what is in it."""
    files = [folder] if folder.is_file() else folder.rglob("*")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.is_file()}
