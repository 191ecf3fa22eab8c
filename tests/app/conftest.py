"""The page, served with a model of random weights, and asked as a browser would, but without one."""

import json
import re
import socket
import uuid
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch

import app
from features.front_end import FrontEnd
from models.config import Config
from models.exported import export
from models.learning.trained import fresh
from pipeline.reports.about import About, write_about
from pipeline.voices.synthetic import RATE, draw_voice, speak
from tests.conftest import encode

GROUPS, YEARS = ["young", "middle", "old & wise"], [20.0, 40.0, 70.0]
PEOPLES_GROUPS, PEOPLES_YEARS = ["child", "adult"], [10.0, 40.0]


@pytest.fixture(scope="session")
def folder(tmp_path_factory, front_end) -> Path:
    """An exported model with random weights, said to have learnt from synthetic voices."""
    about = About("a.tar", True, False, 96, 37, 0.512, 0.401, 0.623, unsure=0.0)
    return write_model(tmp_path_factory.mktemp("model"), front_end, GROUPS, YEARS, about)


@pytest.fixture(scope="session")
def people(tmp_path_factory, front_end) -> Path:
    """Another one, said to have learnt from people."""
    about = About("cv-corpus-6.1-cut.tar.gz", False, False, 2991, 1605, 0.307, 0.285, 0.326, unsure=0.0)
    return write_model(tmp_path_factory.mktemp("people"), front_end, PEOPLES_GROUPS, PEOPLES_YEARS, about)


def write_model(folder: Path, front_end: FrontEnd, groups: list[str], years: list[float], about: About) -> Path:
    settings = {"channels": [4, 4, 4], "dropout": 0.0}
    config = Config("cnn", settings, groups, 60, front_end, [-7.0] * 64, [2.5] * 64, years)
    torch.manual_seed(0)
    export(fresh(config), config, folder)
    write_about(about, folder)
    return folder


@pytest.fixture(scope="session")
def sounds(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    random = np.random.default_rng(0)
    voice = 0.5 * speak(draw_voice(30, "female", random), 3.0, random)
    (folder / "voice.wav").write_bytes(encode(voice, RATE, "WAV"))
    (folder / "voice.mp3").write_bytes(encode(voice, RATE))
    (folder / "short.wav").write_bytes(encode(voice[RATE // 4 : RATE], RATE, "WAV"))
    (folder / "text.wav").write_text("no sound at all\n" * 50)
    (folder / "page.html").write_text("<!doctype html><title>No sound</title>\n" * 500)
    (folder / "hours.flac").write_bytes(encode(np.zeros(7200 * 8000), 8000, "FLAC"))
    with (folder / "large.wav").open("wb") as file:
        file.truncate(32_000_000)
    return folder


@pytest.fixture(scope="module")
def address(folder) -> str:
    """The page's address, on a free port."""
    with app.served([folder], "127.0.0.1", free_port()) as address:
        yield address


@pytest.fixture(scope="module")
def address_of_two(people, folder) -> str:
    """The address of a page with two models to choose from."""
    with app.served([people, folder], "127.0.0.1", free_port()) as address:
        yield address


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(address: str, event: str, given: Path | int, model: int = 0) -> str:
    """The HTML of the answer for a sound file that is uploaded or recorded (`event` is upload or input), or for the
    example of this number (click), without the time it took.
    """
    if isinstance(given, Path):
        files = {"files": (given.name, given.read_bytes())}
        path = httpx.post(f"{address}gradio_api/upload", files=files, timeout=60).json()[0]
        given = {"path": path, "orig_name": given.name, "meta": {"_type": "gradio.FileData"}}
    done = question(address, event, given, model)
    assert done["success"], done
    return re.sub(r"Answered in [\d.]+ s", "", done["output"]["data"][0])


def question(address: str, event: str, given: object, model: int = 0) -> dict:
    """The queue's last message after a question, sent as a browser would; `model` is the number of the chosen one."""
    with httpx.Client(base_url=address, timeout=60) as client:
        config = client.get("config").json()
        choice = next(each for each in config["components"] if each["props"].get("elem_id") == "model")
        functions = [each for each in config["dependencies"] if each["targets"][0] != [choice["id"], "input"]]
        number = next(each["id"] for each in functions if each["targets"][0][1] == event)
        chosen = choice["props"]["choices"][model][1]
        asked = {"data": [given, chosen], "fn_index": number, "session_hash": uuid.uuid4().hex}
        client.post("gradio_api/queue/join", json=asked).raise_for_status()
        with client.stream("GET", "gradio_api/queue/data", params={"session_hash": asked["session_hash"]}) as stream:
            messages = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
            return next(message for message in messages if message["msg"] == "process_completed")
