"""The web page, in a browser: Debian's Chromium, with a microphone that plays a file. See also `.ci/run`."""

import os
import re
import shutil
from contextlib import closing
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.app.conftest import GROUPS

CHROMIUM = shutil.which("chromium")
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
PICTURED = re.compile(r"Spectrogram of the recording: [\d.]+ seconds; the part from [\d.]+ to [\d.]+")
PATIENCE = 30_000  # ms, at most, for a condition to come true


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
    """The open page, as wide as a desktop or `request.param`; everything it requests must be on this machine."""
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
    expect(page.get_by_text("The answer will appear here.")).to_be_visible(timeout=PATIENCE)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("page.html", "Invalid file type: page.html. Only .3gp, .aac, .aif, "),
        ("text.wav", "No answer for text.wav: it cannot be read as sound"),
        ("hours.flac", "No answer for hours.flac: it is too long (7200 s)"),
        ("large.wav", 'exceed the maximum allowed size of 30.0 Mb: "large.wav"'),
        ("short.wav", "Do not rely on this: shorter than a second"),
    ],
)
def test_the_page_says_what_is_wrong_with_an_upload(page, sounds, name, said):
    upload(page, sounds / name)
    expect(page.get_by_text(said)).to_be_visible(timeout=PATIENCE)


def test_the_page_says_how_good_the_model_is_and_what_it_keeps(page):
    for text in (
        "Macro recall 0.51 (95 % interval 0.40 to 0.62) on 96 test clips of 37 speakers",
        "This model was trained on synthetic voices only.",
        "Nothing is stored for good.",
    ):
        expect(page.get_by_text(text)).to_be_visible()


def test_everything_can_be_reached_by_keyboard_and_has_a_name(page):
    names = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        names.add(
            page.evaluate("(e => e.getAttribute('aria-label') || e.innerText || e.title || '')(document.activeElement)")
        )
    assert {"Record", "Click to upload or drop files", "an old woman's"} <= {name.strip() for name in names}
    expect(page.locator("#said")).to_have_attribute("aria-live", "polite")
