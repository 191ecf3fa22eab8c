"""Readers that fail as decoders may: one takes its process with it; where workers can import them."""

import os
import signal

from features.decoding.sound import Sound, SoundReader
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
