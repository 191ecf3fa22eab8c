"""The web page, in a browser: Debian's Chromium, with a microphone that plays a file. See also `.ci/run`."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect, sync_playwright

import app
from models.config import Config
from models.exported import export
from models.trained import fresh
from pipeline.about import About, write_about
from pipeline.voice import RATE, draw_voice, speak
from tests.conftest import encode

CHROMIUM = shutil.which("chromium")
GROUPS = ["young", "middle", "old & wise"]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
PICTURED = re.compile(r"Spectrogram of the recording: [\d.]+ seconds, of which the part from [\d.]+ to [\d.]+")
PATIENCE = 30_000  # ms, at most, for a condition to come true


@pytest.fixture(scope="module")
def folder(tmp_path_factory, front_end) -> Path:
    """A model with random weights, as exported."""
    folder = tmp_path_factory.mktemp("model")
    settings = {"channels": [4, 4, 4], "dropout": 0.0}
    config = Config("cnn", settings, GROUPS, 60, front_end, [-7.0] * 64, [2.5] * 64, [20.0, 40.0, 70.0])
    torch.manual_seed(0)
    export(fresh(config), config, folder)
    write_about(About("a.tar", True, False, 96, 37, 0.512, 0.401, 0.623, unsure=0.0), folder)
    return folder


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    random = np.random.default_rng(0)
    voice = 0.5 * speak(draw_voice(30, "female", random), 3.0, random)
    (folder / "voice.wav").write_bytes(encode(voice, RATE, "WAV"))
    (folder / "voice.mp3").write_bytes(encode(voice, RATE))
    (folder / "short.wav").write_bytes(encode(voice[RATE // 4 : RATE], RATE, "WAV"))
    (folder / "text.txt").write_text("no sound at all\n" * 50)
    (folder / "hours.flac").write_bytes(encode(np.zeros(7200 * 8000), 8000, "FLAC"))
    with (folder / "large.wav").open("wb") as file:
        file.truncate(32_000_000)
    return folder


@pytest.fixture(scope="module")
def address(folder) -> str:
    """Where the page is, on a free port."""
    with app.served(folder, "127.0.0.1", free_port()) as address:
        yield address


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def browser(sounds):
    if not CHROMIUM:
        if os.environ.get("CI"):
            pytest.fail("there is no Chromium: .ci/run installs it")
        pytest.skip("there is no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={sounds / 'voice.wav'}"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(request, browser, address):
    """The page, open, at a desktop's width or at `request.param`; all that it asks for is to be on this machine."""
    asked, width = [], getattr(request, "param", 1280)
    with closing(browser.new_context(viewport={"width": width, "height": 900})) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE)
        yield page
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing to scroll sideways
    assert len(asked) > 5
    elsewhere = {url for url in asked if urlparse(url).scheme not in ("data", "blob")}
    assert {urlparse(url).hostname for url in elsewhere} == {"127.0.0.1"}


def upload(page: Page, path: Path) -> None:
    page.locator("#upload input[type=file]").set_input_files(path)


def expect_an_answer(page: Page) -> None:
    answer = page.locator(".answer")
    expect(answer.get_by_role("row")).to_have_count(len(GROUPS), timeout=PATIENCE)
    assert answer.get_by_role("heading").inner_text() in GROUPS
    shares = [int(text.split()[0]) for text in answer.locator(".number").all_inner_texts()]
    assert abs(sum(shares) - 100) <= len(GROUPS)
    expect(answer.get_by_text("years")).to_be_visible()
    expect(answer.get_by_role("img")).to_have_attribute("alt", PICTURED)


on_a_desktop_and_a_phone = pytest.mark.parametrize("page", [1280, 390], indirect=True)


@on_a_desktop_and_a_phone
def test_a_recording_is_answered(page):
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_text("0:02")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Stop").click()
    expect_an_answer(page)


@on_a_desktop_and_a_phone
def test_an_upload_is_answered_and_can_be_played_back(page, sounds):
    upload(page, sounds / "voice.mp3")
    expect_an_answer(page)
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible(timeout=PATIENCE)


def test_an_example_is_answered_and_clearing_takes_the_answer_away(page):
    page.get_by_role("button", name="an old woman's").click()
    expect_an_answer(page)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("The answer comes here.")).to_be_visible(timeout=PATIENCE)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text.txt", "No answer: it is no sound that can be read"),
        ("hours.flac", "No answer: it is too long (7200 s)"),
        ("large.wav", "exceed the maximum allowed size of 30.0 Mb"),
        ("short.wav", "Not to be relied on: shorter than a second"),
    ],
)
def test_what_is_wrong_with_an_upload_is_said(page, sounds, name, said):
    upload(page, sounds / name)
    expect(page.get_by_text(said)).to_be_visible(timeout=PATIENCE)


def test_the_page_says_how_good_the_model_is_and_what_it_keeps(page):
    for text in (
        "Macro recall 0.51 (95 % interval 0.40 to 0.62) on 96 test clips of 37 speakers",
        "This model has heard nothing but synthetic voices.",
        "Nothing is stored.",
    ):
        expect(page.get_by_text(text)).to_be_visible()


def test_all_can_be_reached_by_keyboard_and_has_a_name(page):
    names = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        names.add(
            page.evaluate("(e => e.getAttribute('aria-label') || e.innerText || e.title || '')(document.activeElement)")
        )
    assert {"Record", "Click to upload or drop files", "an old woman's"} <= {name.strip() for name in names}
    expect(page.locator("#said")).to_have_attribute("aria-live", "polite")


def test_what_people_upload_is_deleted_in_time(folder, sounds, browser, monkeypatch):
    monkeypatch.setattr(app, "KEPT", 1)
    monkeypatch.setattr(app, "LOOKED_FOR", 1)
    with app.served(folder, "127.0.0.1", free_port()) as address, closing(browser.new_page()) as page:
        temporary = Path(os.environ["GRADIO_TEMP_DIR"])
        page.goto(address)
        upload(page, sounds / "voice.mp3")
        expect(page.locator(".answer").get_by_role("row")).to_have_count(len(GROUPS), timeout=PATIENCE)
        assert list(temporary.rglob("voice.mp3"))
        for _ in range(2000):  # frames of the browser's clock
            page.evaluate("new Promise(requestAnimationFrame)")
            if not list(temporary.rglob("voice.mp3")):
                break
        assert not list(temporary.rglob("voice.mp3"))
    assert not temporary.exists()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_server_ends(folder, tmp_path, ending):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    environment.pop("GRADIO_TEMP_DIR", None)
    command = [sys.executable, "app.py", "--model", str(folder), "--port", str(free_port())]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdout.readline().startswith(b"The page is at http://127.0.0.1:")
        assert list(tmp_path.glob("voice-age-*/example0.wav"))
        server.send_signal(ending)
        errors = server.stderr.read()
    assert b"Traceback" not in errors
    assert not list(tmp_path.glob("voice-age-*"))


@pytest.mark.parametrize(
    ("model", "said"), [("absent", b"app: absent holds no model"), (None, b"app: Cannot find empty port")]
)
def test_what_keeps_it_from_starting_is_one_line(folder, model, said):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "app.py", "--model", model or str(folder), "--port", port]
        failed = subprocess.run(command, capture_output=True, timeout=60)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith(said)
    assert b"Traceback" not in failed.stderr
