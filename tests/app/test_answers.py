"""The page's answers, asked for without a browser (also picture.py, __init__.py)."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import time

import httpx
import numpy as np
import pytest

import app
import page.folder
from models.config import ModelError
from pipeline.voices.synthetic import RATE, draw_voice, speak
from tests.app.conftest import PEOPLES_GROUPS, ask, free_port
from tests.conftest import encode


@pytest.fixture(scope="module")
def questions(sounds, tmp_path_factory) -> list[tuple[str, Path | int]]:
    """Events and what is sent with them; each has an answer of its own."""
    folder = tmp_path_factory.mktemp("questions")
    for number in range(3):
        random = np.random.default_rng(number)
        voice = 0.5 * speak(draw_voice(20 + 20 * number, "male", random), 2.0 + number, random)
        (folder / f"{number}.wav").write_bytes(encode(voice, RATE, "WAV"))
    uploads = [("upload", folder / "0.wav"), ("upload", sounds / "page.html"), ("upload", sounds / "voice.mp3")]
    return [*uploads, ("input", folder / "1.wav"), ("input", folder / "2.wav"), ("click", 3)]


def test_six_people_asking_at_once_get_their_own_answers(address, questions, monkeypatch):
    """Pictures are drawn one at a time, because Matplotlib is not thread-safe."""
    drawing, together, lock = [], [], Lock()

    def picture(*args) -> str:
        with lock:
            drawing.append(args)
            together.append(len(drawing))
        try:
            return drawn(*args)
        finally:
            with lock:
                drawing.pop()

    drawn = app.picture
    expected = [ask(address, *question) for question in questions]
    assert len(set(expected)) == len(questions)
    assert "No answer" in expected[1]
    monkeypatch.setattr(app, "picture", picture)
    with ThreadPoolExecutor(len(questions)) as askers:
        answers = list(askers.map(lambda question: ask(address, *question), questions * 4))
    assert answers == expected * 4
    assert set(together) == {1}


def test_the_chosen_model_answers_and_says_who_it_is(address_of_two, sounds):
    answers = [ask(address_of_two, "upload", sounds / "voice.wav", model) for model in (0, 1)]
    for groups, answer, name in (
        (PEOPLES_GROUPS, answers[0], "the model that learnt from people"),
        (["young", "middle", "old &amp; wise"], answers[1], "the demo"),
    ):
        assert re.findall(r'scope="row">(.*?)<', answer) == groups
        assert f"by {name}." in answer


def test_people_who_choose_and_ask_at_once_get_the_answers_of_their_models(address_of_two, questions):
    asked = [(*question, model) for question in questions for model in (0, 1)]
    expected = [ask(address_of_two, *each) for each in asked]
    with ThreadPoolExecutor(len(asked)) as askers:
        assert list(askers.map(lambda each: ask(address_of_two, *each), asked)) == expected


def is_served(address: str) -> bool:
    with suppress(httpx.RemoteProtocolError):
        return httpx.get(address).is_success
    return True  # it was deleted while it was being sent


def test_recordings_are_deleted_after_a_while_and_examples_are_not(folder, sounds, monkeypatch):
    monkeypatch.setattr(app, "LOOKED_FOR", 0.1)
    with app.served([folder], "127.0.0.1", free_port()) as address:
        recordings = Path(os.environ["GRADIO_TEMP_DIR"])
        expected = ask(address, "click", 3)
        ask(address, "upload", sounds / "voice.mp3")
        uploaded = next(recordings.rglob("voice.mp3"))
        with monkeypatch.context() as clock:
            clock.setattr(page.folder, "time", lambda: time() + 2 * app.KEPT)
            while is_served(f"{address}gradio_api/file={uploaded}"):
                pass
        assert ask(address, "click", 3) == expected
    assert not recordings.exists()


class Failing:
    """A predictor whose model fails on every recording."""

    def hear(self, data: bytes) -> bytes:
        return data

    def judge(self, recordings: list[bytes]) -> None:
        raise ModelError("model.onnx cannot be run: it returns numbers that are not finite")


def test_a_model_that_fails_on_a_recording_says_so(tmp_path):
    (tmp_path / "voice.wav").write_bytes(b"a voice")
    html, kept = app.answering(Failing())(str(tmp_path / "voice.wav"), "<b>voice</b>")
    assert "cannot be run: it returns numbers that are not finite" in html
    assert "<b>voice" not in html
    assert kept is None
