"""Heard: the speakers that a model has learnt from, as hashes in a file beside it, or in the split at hand."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from pipeline.paths import SPLIT
from pipeline.running.output import read_parquet
from pipeline.stage import UserError, fingerprint

HEARD = "speakers.bin"  # beside a model: a hash of each client_id, WIDTH bytes, sorted
WIDTH = 8
LARGEST = 16_000_000  # bytes, of two million speakers; all languages of Common Voice have a fifth of that


def write_heard(speakers: Iterable[str], folder: Path) -> None:
    """Write these speakers, 16 hex digits each, beside the model in `folder`."""
    (folder / HEARD).write_bytes(b"".join(sorted({bytes.fromhex(speaker) for speaker in speakers})))


def read_heard(folder: Path) -> set[str]:
    """What `write_heard` wrote. Raises UserError for a damaged file."""
    path = folder / HEARD
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise UserError(f"{path} is damaged: it is larger than {LARGEST:,} bytes")
    hashes = [data[start : start + WIDTH] for start in range(0, len(data), WIDTH)]
    if not data or len(data) % WIDTH:
        raise UserError(f"{path} is damaged: it has {len(data):,} bytes, not {WIDTH} for each speaker")
    if any(first >= second for first, second in pairwise(hashes)):
        raise UserError(f"{path} is damaged: its hashes are not in order")
    return {each.hex() for each in hashes}


def speakers_of(split: str) -> set[str] | None:
    """The speakers of train and val in the split at hand; None unless it is the one with this fingerprint."""
    if not SPLIT.is_file() or fingerprint(SPLIT) != split:
        return None
    rows = read_parquet(SPLIT, ["speaker", "split"])
    return set(rows["speaker"][rows["split"].isin(["train", "val"])])


def heard_by(folder: Path, split: str) -> set[str] | None:
    """The speakers that the model in `folder` has learnt from, by this fingerprint of its split; None if nobody knows.

    Raises UserError for a damaged file.
    """
    return read_heard(folder) if (folder / HEARD).is_file() else speakers_of(split)
