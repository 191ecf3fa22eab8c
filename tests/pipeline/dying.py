"""Readers that fail as decoders may: one takes its process with it. Workers can import them."""

import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

from features.decoding import decoder
from features.decoding.decoder import Tried
from features.decoding.sound import Sound, SoundReader
from features.front_end import FrontEnd
from pipeline.running.engine import Engine
from tests.conftest import buzz, encode

DEADLY = encode(buzz(1.4, 48000, 4), 48000)  # clip4 of test_decode.py


class StumblesOverClip4(SoundReader):
    """As a decoder may, with an exception of any type."""

    def __call__(self, data: bytes) -> Sound:
        return super().__call__(data if data != DEADLY else 1 / 0)


class DiesOfClip4(SoundReader):
    def __call__(self, data: bytes) -> Sound:
        if data == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(data)


def with_reader(reader: type[SoundReader], function: Callable, *arguments: Any) -> Any:
    with patch.object(decoder, "SoundReader", reader):
        return function(*arguments)


def reading_by(reader: type[SoundReader], engine: Engine) -> Engine:
    """An engine whose tasks read sounds by this reader, in whichever process they run."""
    return lambda tasks: engine((partial(with_reader, reader, task), args, options) for task, args, options in tasks)


def deadly_try_clip(data: bytes, front_end: FrontEnd, gpu: bool) -> Tried:
    """As decoder.try_clip, in a process of its own that dies of clip4."""
    return with_reader(DiesOfClip4, decoder.try_clip, data, front_end, gpu)
