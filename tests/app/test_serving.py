"""How the page starts and ends."""

import argparse
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

import app
from pipeline.predict import ModelError, UserError
from tests.app.conftest import free_port

IN_THE_BACKGROUND = ["sh", "-c", 'trap \'\' INT; exec "$0" "$@"']  # as a shell without job control starts a job


@contextmanager
def started(*words: str, **environment: str):
    """A process of the page, with SIGINT ignored when it begins."""
    command = [*IN_THE_BACKGROUND, sys.executable, *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=os.environ | environment, **pipes) as server:
        try:
            yield server
        finally:
            server.kill()


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_nothing_is_left_when_the_server_ends(folder, tmp_path, ending, code):
    """Not even with the page open in a browser, or if the signal comes several times and to any thread. What an
    earlier, killed server left is deleted too.
    """
    killed = "from page.folder import temporary_folder\nwith temporary_folder(): __import__('os')._exit(0)"
    subprocess.run([sys.executable, "-c", killed], env=os.environ | {"TMPDIR": str(tmp_path)}, check=True)
    assert list(tmp_path.glob("voice-age-*"))
    port = free_port()
    with started("app.py", "--model", str(folder), "--port", str(port), TMPDIR=str(tmp_path)) as server:
        assert server.stdout.readline() == f"The page is at http://127.0.0.1:{port}/ (Ctrl-C stops it)\n".encode()
        assert len(list(tmp_path.glob("voice-age-*"))) == len(list(tmp_path.glob("voice-age-*/**/example0.wav"))) == 1
        with httpx.stream("GET", f"http://127.0.0.1:{port}/gradio_api/heartbeat/somebody"):
            for task in list(Path(f"/proc/{server.pid}/task").iterdir()):
                if int(task.name) != server.pid:  # which is the main thread's
                    ctypes.CDLL(None).tgkill(server.pid, int(task.name), ending)
            assert server.stderr.read() == b""
    assert server.returncode == code
    assert not list(tmp_path.glob("voice-age-*"))


def test_it_can_be_stopped_while_it_starts(folder):
    """Even while it is still importing Gradio, as `-X importtime` shows."""
    with started("-X", "importtime", "app.py", "--model", str(folder)) as server:
        assert any(b" gradio." in line for line in server.stderr)
        server.send_signal(signal.SIGINT)
        assert b"Traceback" not in server.stderr.read()
    assert server.returncode == -signal.SIGINT


@pytest.mark.parametrize(
    ("model", "said"),
    [("absent", "app: absent holds no model"), (None, "app: port {port} is taken: choose another with --port")],
)
def test_why_it_cannot_start_is_one_line(folder, model, said):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "app.py", "--model", model or str(folder), "--port", str(port)]
        failed = subprocess.run(command, capture_output=True, text=True)
    assert failed.returncode == 1
    assert len(failed.stderr.splitlines()) == 1
    assert failed.stderr.startswith(said.format(port=port))


def test_a_model_that_cannot_be_opened_is_left_out_if_there_is_another(folder, tmp_path, capsys):
    (tmp_path / "config.json").write_text("torn")
    listeners = app.opened([tmp_path, folder])
    assert [each.about.corpus for each in listeners] == ["a.tar"]
    said = capsys.readouterr().err
    assert said.startswith(f"app: the page goes without a model: {tmp_path}/config.json does not describe a model")
    assert said.count("\n") == 1
    with pytest.raises(ModelError, match="does not describe a model"):
        app.opened([tmp_path])
    with pytest.raises(ModelError, match=r"config\.json does not describe a model"):
        app.opened([tmp_path, Path("absent")])


def test_the_page_takes_what_is_here_if_no_model_is_named(folder, people, tmp_path):
    """The one that learnt from people comes first, and both are open to choose from."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/model").symlink_to(folder)
    (tmp_path / "data/pretrained").symlink_to(people)
    port, page = free_port(), Path("app.py").absolute()
    with contextlib.chdir(tmp_path), started(str(page), "--port", str(port)) as server:
        assert server.stdout.readline()
        components = httpx.get(f"http://127.0.0.1:{port}/config").json()["components"]
        server.send_signal(signal.SIGTERM)
        assert server.stderr.read() == b""
    choice = next(each["props"] for each in components if each["props"].get("elem_id") == "model")
    labels = ["Learnt from people: Common Voice 6.1", "The demo: synthetic voices only"]
    assert ([name for name, _ in choice["choices"]], choice["value"], choice["visible"]) == (labels, labels[0], True)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "python app.py"),
        (["MODEL=pretrained"], "python app.py --model data/pretrained"),
        (["MODEL=export", "ARGS=--port 8080"], "python app.py --model data/export --port 8080"),
    ],
)
def test_make_app_shows_the_model_that_is_named(words, line):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = [shutil.which("make"), "-n", "app", *words]
    told = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert told.stdout.rstrip().endswith(line)


def test_a_host_of_another_machine_is_refused():
    with pytest.raises(UserError, match=r"cannot listen on 192\.0\.2\.1, port 7860: "):
        app.check_free("192.0.2.1", 7860)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http"])
def test_an_impossible_port_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"^{text} is not a port"):
        app.port_number(text)
