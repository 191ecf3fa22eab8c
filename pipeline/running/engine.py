"""Engine: the processes that run tasks, on this machine or on many."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

from joblib import Parallel, parallel_config

from pipeline.params import Compute
from pipeline.stage import UserError

ANSWER = "10s"  # within which a scheduler must answer

Engine = Callable[[Iterable], Iterator]  # joblib's delayed calls → their results, as they come


class WorkerDied(Exception):  # noqa: N818 - an outcome that the caller handles
    """A process died during its task; what other tasks have written is kept."""


def engine_of(compute: Compute) -> Engine:
    if compute.backend == "dask":
        return partial(on_dask, scheduler=compute.scheduler)
    return partial(on_loky, jobs=compute.jobs)


def here(jobs: int, **settings: Any) -> parallel_config:
    """For joblib: so many processes on this machine, none of which outlives this one."""
    return parallel_config("loky", n_jobs=jobs, initializer=end_with, initargs=(os.getpid(),), **settings)


def end_with(parent: int) -> None:
    """End this process soon after its parent: loky's workers would wait minutes for work."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def on_loky(tasks: Iterable, jobs: int) -> Iterator:
    """Run on this machine. Raises WorkerDied; but with one job, tasks run in this process, which then dies itself."""
    with here(jobs):
        try:
            yield from Parallel(return_as="generator_unordered")(tasks)
        except BrokenProcessPool as error:
            raise WorkerDied from error


def on_dask(tasks: Iterable, scheduler: str) -> Iterator:
    """Run on the workers of a Dask scheduler, which retries a dead worker's task on others.

    Raises WorkerDied when a task has killed several workers, or when a finished result is lost with its worker;
    UserError without dask or a scheduler.
    """
    try:
        from distributed import CancelledError, Client, KilledWorker
    except ImportError:
        raise UserError("compute.backend is dask: pip install -e '.[cluster]' first") from None
    logger = logging.getLogger("distributed")
    logger.handlers, logger.propagate = [logging.NullHandler()], False  # its tracebacks are reported in one line
    try:
        client = Client(scheduler, timeout=ANSWER)
    except (OSError, ValueError) as error:  # a timeout is an OSError
        raise UserError(f"compute.scheduler is {scheduler}: no scheduler answers there") from error
    with client, parallel_config("dask", n_jobs=-1, wait_for_workers_timeout=60):
        try:
            yield from Parallel(return_as="generator_unordered")(tasks)
        except (KilledWorker, CancelledError) as error:
            raise WorkerDied from error
