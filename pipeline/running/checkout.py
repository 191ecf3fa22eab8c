"""Checkout: where this project lies, also for a stage that DVC runs aside, in a copy of the project."""

from pathlib import Path

ASIDE = (".dvc", "tmp", "exps")  # under it DVC makes the copies, for `dvc exp run --temp` and for the queue


def main_checkout() -> Path:
    """The root of the project that a copy was made of; the current folder, as Path(), where there is no copy."""
    copies = (each for each in Path.cwd().parents if each.parts[-len(ASIDE) :] == ASIDE)
    return next((each.parents[len(ASIDE) - 1] for each in copies), Path())
