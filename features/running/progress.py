"""Progress: a bar on a terminal; in a log, a line now and then with the rate and the time left."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

FIRST, BETWEEN = 10.0, 30.0  # s, before the first line and between lines; what ends sooner prints nothing
BYTES = "B"

Item = TypeVar("Item")


class Lines:
    """Progress as lines on standard error, each with the rate since the previous line.

    The first update only starts the clock: it may count what an earlier run made.
    """

    def __init__(self, what: str, total: int | None, unit: str, clock: Callable[[], float] = time.monotonic):
        self.what, self.total, self.unit, self.clock = what, total, unit, clock
        self.n = self.told = 0
        self.since: float | None = None
        self.wait = FIRST

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, count: int = 1) -> None:
        self.n += count
        now = self.clock()
        if self.since is None:
            self.told, self.since = self.n, now
        elif now - self.since >= self.wait and self.n > self.told:
            rate = (self.n - self.told) / (now - self.since)
            print(self.line(rate), file=sys.stderr, flush=True)
            self.told, self.since, self.wait = self.n, now, BETWEEN

    def line(self, rate: float) -> str:
        """`pack: 12.3 GB of 75.0 GB, 98 MB/s, 11 min left`; without a total, only what is done and the rate."""
        done, speed = amount(self.n, self.unit), f"{amount(rate, self.unit)}/s"
        if self.total is None:
            return f"{self.what}: {done}, {speed}"
        done = f"{done.removesuffix(f' {self.unit}')} of {amount(self.total, self.unit)}"
        return f"{self.what}: {done}, {speed}, {duration(max(0, self.total - self.n) / rate)} left"


Bar = tqdm | Lines


def progress(what: str, total: int | None, unit: str, smoothing: float = 0.3) -> Bar:
    """A context manager; `update` adds to what is done, in `unit`: clips, say, or BYTES.

    `smoothing` is for the bar: from 0, the mean rate, to 1, the latest.
    """
    if not sys.stderr.isatty():
        return Lines(what, total, unit)
    is_bytes = unit == BYTES
    spaced = unit if is_bytes else f" {unit}"
    return tqdm(desc=what, total=total, unit=spaced, unit_scale=is_bytes, smoothing=smoothing)


def counted(items: Iterable[Item], what: str, total: int, unit: str) -> Iterator[Item]:
    """The items, with their progress shown."""
    with progress(what, total, unit) as bar:
        for item in items:
            yield item
            bar.update()


def amount(count: float, unit: str) -> str:
    """`2,000 clips`, `0.25 batches`, `75.0 GB`."""
    if unit == BYTES:
        return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{rounded(count / 1e6)} MB"
    return f"{rounded(count)} {unit}"


def rounded(count: float) -> str:
    return f"{count:,.0f}" if count >= 10 else f"{count:.2g}"


def duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
