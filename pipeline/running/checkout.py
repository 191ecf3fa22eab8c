"""Checkout: where this project is, even for a stage that DVC runs in a copy of it."""

from pathlib import Path

ASIDE = (".dvc", "tmp", "exps")  # where DVC makes copies, for `dvc exp run --temp` and for the queue


def main_checkout() -> Path:
    """The root of the project that this is a copy of; outside a copy the current folder, as Path()."""
    copies = (each for each in Path.cwd().parents if each.parts[-len(ASIDE) :] == ASIDE)
    return next((each.parents[len(ASIDE) - 1] for each in copies), Path())
