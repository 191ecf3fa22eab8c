"""Speed: how many clips per second models judge on the CPU."""

from statistics import median
from time import perf_counter

from models.judging.judge import judge
from models.learning.classifier import Normalised
from models.learning.data import Windows

ROUNDS = 3


def clips_per_second(models: dict[str, Normalised], windows: dict[str, Windows], clips: int) -> dict[str, float]:
    """The median of ROUNDS rounds after a warm-up; the models take turns, so that all meet the same load."""
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(ROUNDS + 1):
        for name, model in models.items():
            begin = perf_counter()
            judge(model.eval(), windows[name], clips)
            seconds[name].append(perf_counter() - begin)
    return {name: clips / median(each[1:]) for name, each in seconds.items()}
