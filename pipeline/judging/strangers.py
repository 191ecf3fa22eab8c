"""Strangers: only people from whom a model has not learnt are judged."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from features.running.durable import written_whole
from pipeline.paths import MANIFEST
from pipeline.stage import UserError

CHOSEN = "chosen.parquet"  # the manifest before anybody was left out


@dataclass(frozen=True)
class Acquaintance:
    """What the clips that the filter chose have to do with a model."""

    is_known: bool  # whose clips the model has learnt from
    speakers: int  # of the chosen clips
    heard: int  # of these, those that it has learnt from
    clips: int  # of those


def keep_strangers(heard: set[str] | None, prepared: Path) -> Acquaintance:
    """Leave only the clips of strangers in the manifest of a corpus whose clips are not packed yet.

    Raises UserError if there are none.
    """
    manifest, chosen = prepared / MANIFEST, prepared / CHOSEN
    if not chosen.exists():
        manifest.rename(chosen)
    clips = pd.read_parquet(chosen)
    is_heard = clips["speaker"].isin(heard or ())
    if is_heard.all():
        raise UserError("the model has learnt from all speakers of this corpus: nobody is left to judge it by")
    with written_whole(manifest) as temporary:
        clips[~is_heard].to_parquet(temporary, index=False)
    return Acquaintance(
        is_known=heard is not None,
        speakers=clips["speaker"].nunique(),
        heard=clips["speaker"][is_heard].nunique(),
        clips=int(is_heard.sum()),
    )


def check_strangers(met: Acquaintance, model: Path, corpus: Path, anyway: bool) -> None:
    """Raises UserError if the model has learnt from some speakers, and they are not to be left out."""
    if met.heard and not anyway:
        raise UserError(
            f"{model} has learnt from {met.heard:,} of the {met.speakers:,} speakers of {corpus}: "
            "--anyway leaves them out and judges it by the others"
        )
