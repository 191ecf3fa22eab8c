"""Judge: a finished model on a corpus that it has never met, with scores, tables, pictures and a card.

A plain command, not a stage: python -m pipeline.judge CORPUS. After a kill it goes on where it was.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from features.store import Store
from pipeline.corpus.corpora import open_corpora
from pipeline.corpus.note import state_of
from pipeline.corpus.prepared import STAGES, changed, prepare
from pipeline.judging.candidate import Candidate, open_candidate, open_model
from pipeline.judging.folder import FILES, check_out, write_judgement
from pipeline.judging.judgement import judgement_on
from pipeline.judging.strangers import check_strangers, keep_strangers
from pipeline.params import Params, load_params, read_settings
from pipeline.paths import CARD, FEATURES, JUDGED, MANIFEST, MODEL
from pipeline.reports.report import Report
from pipeline.running.aside import Finished, build_resumed, remove
from pipeline.running.code import code_of
from pipeline.split import grouped
from pipeline.splits.clips import judge_clips
from pipeline.stage import UserError, fingerprint, run_stage

LISTED = STAGES[:2]  # the stages after which it is known who speaks


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="recordings, as `corpus` in params.yaml names them")
    parser.add_argument(
        "--model", type=Path, default=MODEL, metavar="DIR", help="a trained or an exported model; default: %(default)s"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"default: {JUDGED}/ and the name of the corpus")
    parser.add_argument("--anyway", action="store_true", help="leave out the speakers that the model has learnt from")
    return parser.parse_args()


def title_of(corpus: Path) -> str:
    """The name of the corpus, of an archive without its endings; or of the folder that several are in."""
    name = corpus.absolute().name if corpus.is_dir() else open_corpora(corpus)[0].name
    return name.removesuffix(".gz").removesuffix(".tar")


def settings_for(candidate: Candidate, clips_per_speaker: int) -> dict[str, Any]:
    """What the model decides: how sounds are heard, and which clips are kept, all with an age in one of its groups."""
    front_end = candidate.front_end
    return {
        "sound": asdict(front_end.sound),
        "features": front_end.name,
        "front_ends": {front_end.name: front_end.settings},
        "recipes": {front_end.name: {}},
        "train": asdict(candidate.config.origin.recipe),
        "filter": {
            "groups": candidate.groups,
            "balance": "keep",
            "clips_per_group": None,
            "clips_per_speaker": clips_per_speaker,
        },
        "split": {"groups": candidate.groups},
    }


def mark_of(candidate: Candidate, corpus: Path, settings: dict[str, Any]) -> str:
    code = [path for stage in STAGES for path in code_of(stage, features=candidate.front_end.name)]
    heard = None if candidate.heard is None else sorted(candidate.heard)
    model = (candidate.front_end, candidate.fingerprint, heard)
    return fingerprint(state_of(open_corpora(corpus.absolute())), settings["filter"], *model, *code)


def main() -> None:
    chosen, params = arguments(), load_params()
    if not chosen.corpus.exists():
        raise UserError(f"there is no {chosen.corpus}")
    out = chosen.out or JUDGED / title_of(chosen.corpus)
    check_out(out)
    candidate = open_candidate(chosen.model)
    settings = changed(read_settings(), settings_for(candidate, params.split.clips_per_speaker))
    mark = mark_of(candidate, chosen.corpus, settings)

    def build(folder: Path) -> Finished:
        report, clips = judge(candidate, chosen.corpus, settings, chosen.anyway, folder)
        return Finished(FILES, f"{described(report, clips)}; {out / CARD.name} has the rest")

    build_resumed(out, mark, build)


def judge(
    candidate: Candidate, corpus: Path, settings: dict[str, Any], anyway: bool, folder: Path
) -> tuple[Report, pd.DataFrame]:
    """Write the judgement into `folder`, where the corpus is prepared as well. Returns it, and the clips."""
    prepared = folder / "prepared"
    prepared.mkdir(exist_ok=True)
    try:
        prepare(corpus, settings, prepared, LISTED)
        met = keep_strangers(candidate.heard, prepared)
    except UserError:
        remove(folder)  # nothing to resume: it would fail again
        raise
    check_strangers(met, candidate.folder, corpus, anyway)
    prepare(corpus, settings, prepared)
    params, store = load_params(prepared / "params.yaml"), Store(prepared / FEATURES)
    clips = clips_of(prepared, store, params)
    model, device = open_model(candidate, params.compute.device)
    raw = judge_clips(clips, model, candidate.config.frames, store, device)
    report = judgement_on(clips, raw, candidate.config)
    write_judgement(report, clips, candidate, prepared, met, folder)
    return report, clips


def clips_of(prepared: Path, store: Store, params: Params) -> pd.DataFrame:
    """The decoded clips. Raises UserError for fewer than two groups or speakers, which say nothing."""
    clips = grouped(pd.read_parquet(prepared / MANIFEST), store.index, params.split)
    for name in ("group", "speaker"):
        if (found := clips[name].nunique()) < 2:
            raise UserError(f"{len(clips):,} clips of {found} {name} are left to judge by: two {name}s are needed")
    return clips


def described(report: Report, clips: pd.DataFrame) -> str:
    scores = report.metrics
    return (
        f"judge: {len(clips):,} clips of {clips['speaker'].nunique():,} speakers; "
        f"macro recall {scores['macro_recall']:.3f} "
        f"({scores['macro_recall_low']:.3f} to {scores['macro_recall_high']:.3f}), "
        f"chance {1 / clips['group'].nunique():.3f}"
    )


if __name__ == "__main__":
    run_stage(main)
