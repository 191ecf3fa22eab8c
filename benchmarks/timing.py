"""Timing: medians of interleaved runs on one core, so that a noisy machine disturbs all of them alike."""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path


def one_core() -> None:
    """Keep this process and its children on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def median_seconds(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of each way over `rounds`, after a warm-up round."""
    seconds = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken[1:]) for name, taken in seconds.items()}


def show(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]], cores: str = "one core") -> None:
    """Print a Markdown table, and what it was measured on."""
    print(f"\n{title}\n{machine(cores)}\n")
    markdown(header, rows)


def markdown(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    for row in (header, ("---", *["---:"] * (len(header) - 1)), *rows):
        print("| " + " | ".join(row) + " |")


def machine(cores: str) -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"({model}, {cores}, Python {platform.python_version()}, {platform.system()})"


def needs(path: Path) -> Path:
    """`path`; if it does not exist, the program ends with a line that says how to make it."""
    if not path.exists():
        sys.exit(f"there is no {path}: run make repro first")
    return path
