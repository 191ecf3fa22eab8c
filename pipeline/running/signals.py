"""Signals: Ctrl-C and SIGTERM end a command with one line and the exit code that shells and schedulers expect."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


def end_in_a_line() -> None:
    """Handle both from now on; a signal that is ignored, as in a background job, stays ignored."""
    for number in WORDS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)


def end(number: int, frame: FrameType | None) -> None:
    """End without KeyboardInterrupt, which Lightning turns into exit code 1."""
    for each in WORDS:
        signal.signal(each, signal.SIG_DFL)  # a second signal does not wait for the cleanup
    os.write(2, f"{Path(sys.argv[0]).stem}: {WORDS[signal.Signals(number)]}\n".encode())
    raise SystemExit(128 + number)
