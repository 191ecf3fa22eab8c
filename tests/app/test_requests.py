"""Which requests the page answers (also guard.py)."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import safehttpx

import app
from page.guard import Guard
from tests.app.conftest import free_port, question

JOIN, UPLOAD, STREAM = "gradio_api/queue/join", "gradio_api/upload", "gradio_api/queue/data"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=end"}
PART = b'--end\r\nContent-Disposition: form-data; name="files"; filename="voice.wav"\r\n\r\n'


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.0.2.1:80", "[", "", "0.0.0.0"])  # noqa: S104
def test_unknown_names_are_refused(address, host):
    refused = httpx.get(address, headers={"Host": host})
    assert refused.status_code in (400, 421)
    assert "Voice age" not in refused.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:7860"])
def test_names_of_this_machine_are_answered(address, host):
    assert "Voice age" in httpx.get(address, headers={"Host": host}).text


def test_other_names_are_allowed_one_by_one():
    guard = Guard(None, "voice.example", ["proxy.example", "https://user-space.hf.space"], 0)
    assert all(map(guard.knows, ["voice.example:80", "Proxy.example", "https://user-space.hf.space", "localhost"]))
    assert not any(map(guard.knows, ["example", "evil.proxy.example", "192.0.2.1", "null"]))


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])  # noqa: S104
def test_a_server_that_listens_everywhere_answers_to_any_address_and_to_no_name(everywhere):
    guard = Guard(None, everywhere, [], 0)
    assert all(map(guard.knows, ["192.0.2.1:80", "[2001:db8::1]:80", "localhost", "http://192.0.2.1"]))
    assert not any(map(guard.knows, ["evil.example", "192.0.2.1.evil.example", ""]))


def test_a_space_is_reached_by_its_name(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["app.py", "--allow-host", "voice.example"])
    monkeypatch.setenv("SPACE_HOST", "user-space.hf.space")
    assert app.arguments().allow_host == ["user-space.hf.space", "voice.example"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_pages_of_other_sites_are_refused(address, method, origin):
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    refused = httpx.request(method, f"{address}config", headers=headers)
    assert refused.status_code == 403
    assert not [name for name in refused.headers if name.startswith("access-control")]


@pytest.mark.parametrize("port", [3000, None])
def test_nobody_is_let_in_by_cors(address, port):
    """Neither another server's page on this machine nor the page itself, which does not need it."""
    origin = f"http://127.0.0.1:{port or urlsplit(address).port}"
    answer = httpx.get(f"{address}config", headers={"Origin": origin})
    assert answer.is_success
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["", "config", "theme.css", "nowhere", JOIN])
def test_every_answer_has_its_headers(address, path):
    for headers in ({}, {"Host": "evil.example"}):
        answer = httpx.get(f"{address}{path}", headers=headers)
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_nothing_is_fetched_from_elsewhere(address, monkeypatch):
    asked = []
    monkeypatch.setattr(safehttpx, "async_validate_url", asked.append)  # what Gradio calls before it fetches anything
    elsewhere = "http://elsewhere.example/voice.wav"
    for event in ("upload", "input"):
        assert not question(address, event, {"path": elsewhere, "meta": {"_type": "gradio.FileData"}})["success"]
    for path in ("gradio_api/file=", "gradio_api/file/"):
        assert httpx.get(f"{address}{path}{elsewhere}").status_code == 403
    assert not asked


@pytest.mark.parametrize(("path", "size"), [(JOIN, 300_000_000), (UPLOAD, 100_000_000), ("login", 1_000_000)])
def test_a_body_announced_as_too_large_is_refused_at_once(address, path, size):
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.putrequest("POST", f"/{path}")
    connection.putheader("Content-Length", str(size))
    connection.endheaders()  # without sending a byte of it
    answer = connection.getresponse()
    assert answer.status == 413
    assert b"maximum allowed size" in answer.read()


@pytest.mark.parametrize("path", [JOIN, UPLOAD])
def test_a_client_that_sends_everything_before_it_reads_gets_the_answer(address, path):
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.request("POST", f"/{path}", bytes(2 * app.LARGEST_UPLOAD), {"Connection": "close"})
    assert connection.getresponse().status == 413


def streamed(beginning: bytes, size: int) -> Iterator[bytes]:
    """A body that does not announce its size."""
    yield beginning
    for _ in range(size // 2**20):
        yield bytes(2**20)


@pytest.mark.parametrize(
    ("path", "headers", "beginning"),
    [
        (JOIN, {"Content-Type": "application/json"}, b'{"data": ["'),
        (UPLOAD, MULTIPART, PART),
        (UPLOAD, MULTIPART, PART.replace(b'; filename="voice.wav"', b"")),
        ("login", {"Content-Type": "application/x-www-form-urlencoded"}, b"username="),
    ],
)
def test_a_body_that_grows_too_large_is_refused_and_not_kept(address, path, headers, beginning):
    refused = httpx.post(
        f"{address}{path}", headers=headers, content=streamed(beginning, 2 * app.LARGEST_UPLOAD), timeout=60
    )
    assert refused.status_code == 413
    assert not [file for file in Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*") if file.is_file()]


def test_several_files_count_together(address):
    files = [("files", (f"{number}.wav", bytes(20_000_000))) for number in range(5)]
    assert httpx.post(f"{address}{UPLOAD}", files=files, timeout=60).status_code == 413
    files = [("files", (f"{number}.wav", bytes(app.LARGEST_UPLOAD // 2))) for number in range(2)]
    assert httpx.post(f"{address}{UPLOAD}", files=files, timeout=60).is_success


def test_requests_that_fail_leave_no_traceback(folder, tmp_path):
    port = free_port()
    command = [sys.executable, "app.py", "--model", str(folder), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline()
        for number in range(40):
            drop(port, f"GET /{STREAM}?session_hash={number} HTTP/1.1\r\nHost: localhost\r\n\r\n", number % 2)
            drop(port, f"GET /gradio_api/call/answer/{number} HTTP/1.1\r\nHost: localhost\r\n\r\n", number % 2)
        head = f"POST /{UPLOAD} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n"
        drop(port, f"{head}Content-Type: {MULTIPART['Content-Type']}\r\n\r\n{PART.decode()}", 0)
        assert "session_not_found" in httpx.get(f"http://127.0.0.1:{port}/{STREAM}?session_hash=unknown").text
        question = {"data": [], "fn_index": 999, "session_hash": "unknown"}
        assert httpx.post(f"http://127.0.0.1:{port}/{JOIN}", json=question).status_code == 500
        server.send_signal(signal.SIGTERM)
        assert server.stderr.read() == f"app: POST '/{JOIN}': KeyError(999)\n"


def drop(port: int, request: str, answered: int) -> None:
    """Ask, and leave before the answer or after `answered` bytes of it."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request.encode())
        connection.recv(answered)
