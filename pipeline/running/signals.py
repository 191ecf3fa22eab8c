"""Signals: Ctrl-C and SIGTERM end a command with one line and the exit code that shells and schedulers expect."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


def end_in_a_line() -> None:
    """From now on; a signal that is ignored, as in a background job, stays so."""
    for number in WORDS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)


def end(number: int, frame: FrameType | None) -> None:
    """Not by KeyboardInterrupt, which Lightning answers with exit code 1."""
    for each in WORDS:
        signal.signal(each, signal.SIG_DFL)  # whoever asks again does not want to wait for the tidying up
    os.write(2, f"{Path(sys.argv[0]).stem}: {WORDS[signal.Signals(number)]}\n".encode())
    raise SystemExit(128 + number)
