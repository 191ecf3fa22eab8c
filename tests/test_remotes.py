"""Remotes: what one clone pushes, another pulls and trains from, without the corpus; what may not leave stays.

A folder; SSH, to a server of OpenSSH that is started here; S3, to the one of moto, which checks credentials.
"""

import getpass
import hashlib
import json
import logging
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
import requests
import yaml
from moto.server import ThreadedMotoServer

from features.shard import read_shard
from tests.project import change, clone, contents, done, name_remote, run, spare_installing, stages_run

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
CORPUS = "data/demo/cv-corpus-demo-en.tar.gz"
KEPT = ("data/tables", "data/clips", CORPUS)
SHARED = (
    *("data/manifest.parquet", "data/rows.parquet", "data/filter.json", "data/pyramid.png", "data/features"),
    *("data/split.parquet", "data/split.json", "data/split.md"),
    *("data/model", "data/training.json", "data/evaluation"),
)


ENOUGH = "data/features data/split.parquet data/split.json"  # for training and judging


@dataclass(frozen=True)
class Remote:
    settings: dict[str, str]  # as `dvc remote modify` takes them
    refused: dict[str, str]  # those that differ, for somebody who may not come in
    stored: Callable[[], dict[str, bytes]]  # all that lies there, by its path
    targets: str = ""  # that are pulled, instead of all


@contextmanager
def a_folder(home: Path) -> Iterator[Remote]:
    yield Remote({"url": str(home / "store")}, {"url": "/proc/store"}, lambda: contents(home / "store"))


@contextmanager
def ssh(home: Path) -> Iterator[Remote]:
    if not SSHD:
        (pytest.fail if "CI" in os.environ else pytest.skip)("there is no sshd: apt-get install openssh-server")
    for name in ("host", "friend", "stranger"):
        done(f"ssh-keygen -q -t ed25519 -N '' -f {home / name}", home)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": home / "host",
        "AuthorizedKeysFile": home / "friend.pub",
        "PasswordAuthentication": "no",
        "StrictModes": "no",  # of the temporary folder
        "PidFile": "none",
        "Subsystem": "sftp internal-sftp",
    }
    (home / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # the root of its unprivileged half
    command = [SSHD, "-D", "-e", "-f", str(home / "sshd_config")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        said = iter(server.stderr.readline, "")
        assert any("listening" in line for line in said), "sshd does not start"
        url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{home}/store"
        friend, stranger = ({"keyfile": str(home / name)} for name in ("friend", "stranger"))
        yield Remote({"url": url} | friend, stranger, lambda: contents(home / "store"), ENOUGH)
        server.terminate()


@contextmanager
def s3(home: Path) -> Iterator[Remote]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    anybody = {"aws_access_key_id": "stranger", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    iam = boto3.client("iam", endpoint_url=address, **anybody)
    iam.create_user(UserName="friend")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="friend", PolicyName="all", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="friend")["AccessKey"]
    requests.post(f"{address}/moto-api/reset-auth", data="0", timeout=10)  # from now on, credentials are checked
    friend = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    bucket = boto3.resource("s3", endpoint_url=address, **anybody | friend).create_bucket(Bucket="store")
    yield Remote(
        {
            "url": "s3://store/voice",
            "endpointurl": address,
            "access_key_id": key["AccessKeyId"],
            "secret_access_key": key["SecretAccessKey"],
        },
        {"access_key_id": "stranger", "secret_access_key": "secret"},
        lambda: {each.key: each.get()["Body"].read() for each in bucket.objects.all()},
    )
    server.stop()


@pytest.fixture(scope="module", params=[a_folder, ssh, s3], ids=lambda kind: kind.__name__)
def remote(request, copy, tmp_path_factory) -> Iterator[Remote]:
    """A remote to which the first clone has pushed."""
    with request.param(tmp_path_factory.mktemp("remote")) as remote:
        name_remote(copy, remote.settings)
        spare_installing(copy)
        assert "kept here: data/tables, data/clips, data/demo/" in done("make push", copy)
        done("dvc push --run-cache", copy)
        yield remote


@pytest.fixture(scope="module")
def stored(copy, tmp_path_factory) -> dict[str, str]:
    """The settings of a folder to which the first clone has pushed."""
    settings = {"url": str(tmp_path_factory.mktemp("stored") / "store")}
    name_remote(copy, settings)
    done("dvc push", copy)
    return settings


@pytest.fixture
def colleague(copy, tmp_path) -> Path:
    """A fresh clone: no corpus, no cache."""
    folder = clone(copy, tmp_path / "colleague")
    spare_installing(folder)
    return folder


def test_a_colleague_pulls_what_was_pushed(remote, copy, colleague):
    name_remote(colleague, remote.settings)
    done(f"make pull TARGETS='{remote.targets}'", colleague)
    of_git = {"data/demo", "data/encoders", "data/pretrained", "data/splits"}
    pulled = {f"data/{path.name}" for path in (colleague / "data").iterdir()} - of_git
    assert pulled == set(remote.targets.split() or SHARED)
    for name in pulled:
        assert contents(colleague / name) == contents(copy / name)
    assert not [name for name in KEPT if (colleague / name).exists()]


def test_a_colleague_trains_from_the_features_alone(stored, colleague):
    name_remote(colleague, stored)
    done(f"make pull TARGETS='{ENOUGH}'", colleague)
    output = done("make exp MODEL=rnn", colleague)
    assert stages_run(output) == ["train", "evaluate"]
    assert re.search(r"^ *rnn-1 +rnn +logmel +0 +0 ", output, re.MULTILINE)
    assert "exp: to get it here, set model: rnn in params.yaml and run make repro\n" in output
    change(colleague, {"model": "rnn"})
    assert stages_run(done("make repro", colleague)) == []  # from what the experiment left in the cache
    assert json.loads((colleague / "data/model/config.json").read_text())["architecture"] == "rnn"
    assert 0 <= json.loads((colleague / "data/evaluation/metrics.json").read_text())["macro_recall"] <= 1
    assert not [name for name in KEPT if (colleague / name).exists()]


def test_no_clip_table_or_archive_is_in_the_remote(remote, copy):
    stored = remote.stored()
    assert len(stored) > 20
    kept = [path for name in KEPT for path in [copy / name, *(copy / name).rglob("*")] if path.is_file()]
    digests = {hashlib.md5(path.read_bytes()).hexdigest() for path in kept}  # noqa: S324 - as DVC names files
    assert len(digests) > 5
    assert not digests & {"".join(Path(path).parts[-2:]) for path in stored}
    assert not digests & {hashlib.md5(content).hexdigest() for content in stored.values()}  # noqa: S324
    clips = [data for path in (copy / "data/clips").glob("*.tar") for _, data in read_shard(path) if data]
    assert len(clips) > 40
    assert not [clip for clip in clips if any(clip in content for content in stored.values())]
    shards = [path.read_bytes() for path in (copy / "data/features").glob("*.tar")]
    assert all(shard in stored.values() for shard in shards)


@pytest.mark.parametrize("command", ["pull", "push"])
def test_who_may_not_come_in_is_told_so_in_one_line(remote, copy, colleague, command):
    settings = remote.settings | remote.refused
    project = {"pull": colleague, "push": copy}[command]
    name_remote(project, settings)
    failed = run(f"make {command}", project)
    assert failed.returncode != 0
    said = [line for line in failed.stderr.splitlines() if not line.startswith("make: ")]
    assert len(said) == 1, failed.stderr
    assert said[0].startswith(f"{command}: {settings['url']}")


def test_what_is_kept_cannot_be_pulled(stored, colleague):
    name_remote(colleague, stored)
    failed = run("make pull TARGETS=data/clips", colleague)
    assert failed.returncode != 0
    assert "pull: data/clips cannot be pulled; these can: data/manifest.parquet, " in failed.stderr


def test_a_store_with_absent_shards_says_which(stored, colleague):
    name_remote(colleague, stored)
    done(
        "dvc pull data/features/00000.tar data/features/index.parquet data/features/features.json "
        "data/split.parquet data/split.json",
        colleague,
    )
    failed = run("dvc repro --allow-missing train", colleague)
    assert failed.returncode != 0
    assert "train: data/features lacks 2 of 3 shards: 00001.tar, 00002.tar\n" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_runs_that_need_the_corpus_say_so_and_others_say_what_failed(stored, colleague):
    name_remote(colleague, stored)
    done("make pull", colleague)
    right = (colleague / "params.yaml").read_text()
    before = contents(colleague / "data")
    change(colleague, {"filter": {"clips_per_speaker": 4}})
    for command in ("repro", "exp MODEL=tcn"):
        failed = run(f"make {command}", colleague)
        assert failed.returncode != 0
        said = [line for line in failed.stderr.splitlines() if not line.startswith("make: ")]
        assert len(said) == 1
        assert said[0].startswith(f"{command.split()[0]}: the corpus is not here, but ")
        assert "filter would have to read data/tables again" in said[0]
    assert contents(colleague / "data") == before
    (colleague / "params.yaml").write_text(right)
    change(colleague, {"architectures": {"cnn": {"channels": [4, 4, 4], "dropout": 3.0}}})
    failed = run("make repro", colleague)
    assert failed.returncode != 0
    assert "cnn.dropout is 3.0" in failed.stderr
    assert "corpus" not in failed.stderr


def test_features_of_another_corpus_are_not_taken_for_those_of_one_that_is_absent(copy):
    right = (copy / "params.yaml").read_text()
    change(copy, {"corpus": "data/raw/absent.tar"})
    spare_installing(copy)
    for command, line in (("make repro", "repro: "), ("dvc repro --allow-missing", "absent.tar")):
        failed = run(command, copy)
        assert failed.returncode != 0
        assert stages_run(failed.stdout) in ([], ["tables"])
        assert line in failed.stderr
    (copy / "params.yaml").write_text(right)
    assert stages_run(done("make repro", copy)) == []


@pytest.mark.parametrize(
    ("command", "corpus", "line"),
    [
        ("make pull", CORPUS, "no remote is set"),
        ("make push", CORPUS, "there is nothing here to push"),
        (
            "make repro",
            "data/raw/absent.tar",
            "no such file; the features that dvc.lock names are from data/demo/",
        ),
    ],
)
def test_what_is_missing_is_one_line(colleague, command, corpus, line):
    change(colleague, {"corpus": corpus})
    failed = run(command, colleague)
    assert failed.returncode != 0
    said = [each for each in failed.stderr.splitlines() if not each.startswith("make: ")]
    assert len(said) == 1, failed.stderr
    assert line in said[0]


def test_queued_experiments_share_the_shards(copy, tmp_path):
    """The copies in which they run link the files of the cache, as the workspace does."""
    done("dvc config --local cache.type hardlink,symlink", copy)  # a reflink shares blocks behind another inode
    pipeline = yaml.safe_load((copy / "dvc.yaml").read_text())
    listing = f"stat -L -c '%n %i' data/features/*.tar > {tmp_path / 'inodes'}"
    pipeline["stages"]["inodes"] = {"cmd": listing, "deps": ["data/features"]}
    (copy / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    done("dvc checkout --relink", copy)
    done("dvc exp run --queue inodes", copy)
    done("dvc exp run --run-all", copy)
    done("git checkout dvc.yaml", copy)
    of_experiment = dict(line.split() for line in (tmp_path / "inodes").read_text().splitlines())
    shards = list((copy / "data/features").glob("*.tar"))
    assert len(shards) == 3
    assert of_experiment == {str(path.relative_to(copy)): str(path.stat().st_ino) for path in shards}
    assert set(of_experiment.values()) <= {str(path.stat().st_ino) for path in (copy / ".dvc/cache").rglob("*")}


def test_dvc_tracks_shards_not_clips(copy):
    lock = yaml.safe_load((copy / "dvc.lock").read_text())
    files = {out["path"]: out.get("nfiles", 1) for stage in lock["stages"].values() for out in stage["outs"]}
    assert files["data/clips"] == len(list((copy / "data/clips").glob("*.tar"))) + 1
    assert files["data/features"] == len(list((copy / "data/features").glob("*.tar"))) + 3
