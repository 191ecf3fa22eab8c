"""How the page starts and ends."""

import argparse
import ctypes
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

import app
from pipeline.predict import UserError
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


def test_a_host_of_another_machine_is_refused():
    with pytest.raises(UserError, match=r"cannot listen on 192\.0\.2\.1, port 7860: "):
        app.check_free("192.0.2.1", 7860)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http"])
def test_an_impossible_port_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"^{text} is not a port"):
        app.port_number(text)
