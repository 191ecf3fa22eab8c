"""Certificate: filter and split as DVC runs them, decoding faked (also written.py, pyramid.py)."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from pipeline import filter, split
from pipeline.corpus.ages import AGES
from pipeline.params import load_params
from pipeline.paths import (
    FEATURES,
    FILTER_REPORT,
    MANIFEST,
    REJECTS,
    ROWS,
    SPLIT,
    SPLIT_PAGE,
    SPLIT_REPORT,
    TABLES,
)
from pipeline.splits import certificate
from pipeline.splits.written import read_split
from pipeline.stage import UserError
from tests.conftest import list_release, release_table

PARAMS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
GROUPINGS = [
    PARAMS["split"]["groups"],
    {"young": ["teens", "twenties", "thirties"], "old": ["fourties", "fifties", "sixties", "seventies"]},
    {"teens": ["teens"], "middle": ["thirties", "fourties"], "old": ["fifties", "sixties", "nineties"]},
]


def run_filter(folder: Path, tables: dict[str, pd.DataFrame], **changes: dict) -> None:
    """Write tables and params.yaml, and run the stage in `folder`."""
    os.chdir(folder)
    list_release(TABLES / "000", tables)
    change(**changes)
    filter.main()


def change(**changes: dict) -> None:
    params = {
        name: values | changes.get(name, {}) if isinstance(values, dict) else values for name, values in PARAMS.items()
    }
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def play_decode(is_rejected: Callable[[pd.DataFrame], np.ndarray] = lambda rows: np.zeros(len(rows), bool)) -> None:
    keys = pd.read_parquet(MANIFEST, columns=["key"])
    rejected = is_rejected(keys)
    FEATURES.mkdir(parents=True, exist_ok=True)
    facts = {"seconds": 4.0, "frames": 350, "sample_rate": 48000, "loudness": -20.0}
    keys[~rejected].assign(**facts).to_parquet(FEATURES / "index.parquet")
    keys[rejected].assign(reason="silent").to_csv(REJECTS, index=False)


def certified() -> dict:
    return certificate.certify(ROWS, MANIFEST, FEATURES, SPLIT, load_params())


@pytest.fixture
def stages(tmp_path, monkeypatch):
    """A folder in which both stages have run on 240 rows, of which five were rejected."""
    monkeypatch.chdir(tmp_path)
    rows = release_table(240, 60)
    rows.loc[:9, "age"] = ""
    run_filter(tmp_path, {"validated": rows}, split={"folds": 3})
    play_decode(lambda rows: np.arange(len(rows)) < 5)
    split.main()
    return tmp_path


def test_every_row_is_accounted_for(stages):
    account = json.loads(SPLIT_REPORT.read_text())
    assert account["rows"] == 240
    accounts = account["accounts"]
    assert accounts["dropped"]["no_age"] == 10
    assert accounts["rejected"] == {"silent": 5}
    parts = [accounts[name] for name in ("train", "val", "test")]
    assert sum(map(sum, (accounts[name].values() for name in ("dropped", "rejected", "left_out")))) + sum(parts) == 240
    assert all(account["claims"].values())
    assert account["leaks"] is False


def test_contents_are_those_of_the_files(stages):
    account = json.loads(SPLIT_REPORT.read_text())
    rows = pd.read_parquet(SPLIT, columns=["key", "split", "group"]).merge(pd.read_parquet(MANIFEST), on="key")
    for name, part in account["splits"].items():
        held = rows[rows["split"] == name]
        assert part["clips"] == len(held)
        assert part["speakers"] == held["speaker"].nunique()
        women = held["speaker"][held["gender"] == "female"].nunique()
        assert part["sexes"]["female"] == women
        for group, each in part["groups"].items():
            assert each["clips"] == (held["group"] == group).sum()


def test_the_page_reads_as_a_table(stages):
    page = SPLIT_PAGE.read_text()
    assert "# The split, by speaker, fold 0 of 3" in page
    assert "**no**" not in page
    assert "| **all** | 240 |" in page
    for block in page.split("\n\n"):
        widths = {line.count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1


def a_speaker_of_train_into_test(rows):
    theirs = rows["speaker"] == rows["speaker"][rows["split"] == "train"].iloc[0]
    rows.loc[rows.index[theirs][0], ["split", "left_out"]] = ["test", None]
    return rows


def another_speaker(rows):
    rows.loc[0, "speaker"] = rows["speaker"].iloc[-1]
    return rows


def another_group(rows):
    rows.loc[0, "group"] = next(group for group in rows["group"].cat.categories if group != rows.loc[0, "group"])
    return rows


def no_reason(rows):
    rows.loc[rows.index[rows["left_out"].notna()][0], "left_out"] = None
    return rows


def one_less(rows):
    return rows.drop(rows.index[rows["split"] == "test"][0])


def one_twice(rows):
    return pd.concat([rows, rows[rows["split"] == "val"][:1]])


@pytest.mark.parametrize(
    ("tamper", "claim"),
    [
        (a_speaker_of_train_into_test, "no speaker is in two splits"),
        (another_speaker, "speakers and groups are those of the manifest"),
        (another_group, "speakers and groups are those of the manifest"),
        (no_reason, "every row of the tables has one fate"),
        (one_less, "every row of the tables has one fate"),
        (one_less, "val and test each have the same number of clips in every group"),
        (one_twice, "no clip is used twice"),
    ],
)
def test_a_split_that_was_tampered_with_fails(stages, tamper, claim):
    tamper(pd.read_parquet(SPLIT).copy()).to_parquet(SPLIT, index=False)
    account = certified()
    assert [holds for said, holds in account["claims"].items() if said.startswith(claim)] == [False]
    with pytest.raises(UserError, match=f"the certificate does not hold: .*not true: {claim}"):
        certificate.check_claims(account)


def test_a_manifest_that_was_tampered_with_fails(stages):
    manifest = pd.read_parquet(MANIFEST)
    pd.concat([manifest, manifest[:1].assign(key="again")]).to_parquet(MANIFEST)
    failed = [claim for claim, holds in certified()["claims"].items() if not holds]
    assert failed[0].startswith("every row of the tables")
    assert "the manifest has the same number of clips in each of its groups" in failed


def test_a_row_that_no_rule_accounts_for_fails(stages):
    rows = pd.read_parquet(ROWS).copy()
    rows.loc[rows.index[rows["outcome"] == "no_age"][0], "outcome"] = "kept"
    rows.to_parquet(ROWS)
    with pytest.raises(UserError, match="every row of the tables"):
        certificate.check_claims(certified())


def test_by_clip_leaks_and_says_so_everywhere(stages, capsys):
    change(split={"folds": 3, "by": "clip"})
    split.main()
    account = json.loads(SPLIT_REPORT.read_text())
    assert account["leaks"] is True
    assert account["speakers_in_two_splits"] > 30
    assert "**This split leaks on purpose.**" in SPLIT_PAGE.read_text()
    assert "LEAKING" in capsys.readouterr().out


def test_the_note_on_the_corpus_is_passed_on_and_the_split_describes_itself(stages):
    account = json.loads(SPLIT_REPORT.read_text())
    assert account["corpus"] == {"name": "corpus.tar", "is_synthetic": False, "rows": {"validated": 240}} | {
        "licences": {},
        "each_clip_another": False,
    }
    assert account["groups"] == PARAMS["split"]["groups"]
    assert (account["by"], account["folds"], account["fold"], account["seed"]) == ("speaker", 3, 0, 0)
    assert len(read_split()) == len(pd.read_parquet(SPLIT))


def test_a_certificate_of_another_split_is_refused(stages):
    pd.read_parquet(SPLIT)[1:].to_parquet(SPLIT, index=False)
    with pytest.raises(UserError, match=r"^data/split\.json does not describe data/split\.parquet: "):
        read_split()


def spoil(path: Path, data: bytes | None) -> None:
    path.unlink() if data is None else path.write_bytes(data)


@pytest.mark.parametrize("path", [FILTER_REPORT, MANIFEST, ROWS, FEATURES / "index.parquet", REJECTS], ids=str)
@pytest.mark.parametrize("data", [None, b"", b"PAR1 and no more", b"{"], ids=["missing", "empty", "garbage", "brace"])
def test_the_inputs_of_split_are_complete_or_named_in_one_line(stages, path, data):
    spoil(path, data)
    with pytest.raises(UserError, match=rf"^[^\n]*{path}[^\n]*dvc repro makes it[^\n]*$"):
        split.main()


@pytest.mark.parametrize("data", [None, b"{}"], ids=["missing", "of an older version"])
def test_a_corpus_without_a_note_is_named(stages, data):
    spoil(TABLES / "000/corpus.json", data)
    with pytest.raises(UserError, match=r"data/tables.*dvc repro makes it"):
        filter.main()


@st.composite
def releases(draw) -> dict:
    """The tables of a small release, with much that is odd in them."""
    random = np.random.default_rng(draw(st.integers(0, 2**20)))
    speakers = draw(st.integers(2, 150))
    count = draw(st.integers(1, 6)) * speakers
    voice = random.integers(speakers, size=count)
    ages = random.choice(AGES[: draw(st.integers(3, len(AGES)))], speakers)
    genders = random.choice(["male_masculine", "female", "", "intersex"], speakers)
    rows = pd.DataFrame(
        {
            "client_id": [f"client{number}" for number in voice],
            "path": [f"clip{number}.mp3" for number in range(count)],
            "sentence": [f"Sentence {number}." for number in random.integers(50, size=count)],
            "up_votes": random.integers(4, size=count),
            "down_votes": random.integers(3, size=count),
            "age": ages[voice],
            "gender": genders[voice],
            "accents": "",
            "locale": random.choice(["ca", "cy", "de", "en", "eo", "fa", "kab"], speakers)[voice],
            "segment": "",
        }
    )
    odds = {
        "age": ["", "ageless", *AGES],
        "path": ["clip0.mp3", "../x.mp3"],
        "client_id": [""],
        "sentence": ["A TAB\ttoo many", "A CR\rinside"],
    }
    for column, odd in odds.items():
        is_odd = random.random(count) < draw(st.sampled_from([0.02, 0, 0.2]))
        rows.loc[is_odd, column] = random.choice(odd, is_odd.sum())
    is_other = random.random(count) < draw(st.sampled_from([0, 0.3]))
    rest = draw(st.sampled_from([random.random(count), random.random(speakers)[voice]]))  # or whole speakers
    official = {"train": rows[rest < 0.6], "dev": rows[(rest >= 0.6) & (rest < 0.8)], "test": rows[rest >= 0.8]}
    return {"validated": rows[~is_other], "other": rows[is_other]} | official


filters = st.fixed_dictionaries(
    {
        "tables": st.sampled_from([["validated"], ["validated", "other"], ["other", "validated"]]),
        "votes": st.sampled_from(["all", "unvalidated", "none"]),
        "conflict": st.sampled_from(["drop", "keep"]),
        "repeats": st.sampled_from(["drop", "keep"]),
        "clips_per_speaker": st.integers(1, 9),
        "balance": st.sampled_from(["undersample", "keep"]),
        "clips_per_group": st.none() | st.integers(10, 60),
        "groups": st.sampled_from(GROUPINGS),
        "seed": st.integers(0, 2**32 - 1),
    }
)
splits = st.fixed_dictionaries(
    {
        "by": st.sampled_from(["speaker", "locale", "official", "clip"]),
        "folds": st.integers(3, 4),
        "fold": st.integers(0, 2),
        "clips_per_speaker": st.integers(1, 5),
        "groups": st.sampled_from(GROUPINGS),
        "seed": st.integers(0, 2**32 - 1),
    }
)


def outcome(tables: dict, filter_by: dict, split_by: dict) -> dict[str, bytes] | str:
    """The bytes of all that both stages write, or the line with which one of them ends."""
    home = Path.cwd()
    with TemporaryDirectory() as folder:
        try:
            run_filter(Path(folder), tables, filter=filter_by, split=split_by)
            play_decode(lambda rows: rows["key"].map(hash_of).to_numpy() % 10 == 0)
            split.main()
            certificate.check_claims(certified())
            return {path.name: path.read_bytes() for path in (MANIFEST, SPLIT, SPLIT_REPORT, SPLIT_PAGE)}
        except UserError as error:
            return str(error)
        finally:
            os.chdir(home)


def hash_of(key: str) -> int:
    return sum(key.encode())


@pytest.fixture(scope="module")
def without_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filter, "draw_pyramid", lambda parts, path: path.touch())
        yield


@settings(max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate])
@given(tables=releases(), filter_by=filters, split_by=splits, seed=st.integers(0, 99))
def test_the_certificate_holds_or_the_stage_says_why_not_in_any_order_of_rows(
    without_pictures, tables, filter_by, split_by, seed
):
    made = outcome(tables, filter_by, split_by)
    event(made.split(":")[0][:20] if isinstance(made, str) else f"holds, by {split_by['by']}")
    assert not isinstance(made, str) or (made and "\n" not in made and "certificate" not in made)
    shuffled = {name: rows.sample(frac=1, random_state=seed) for name, rows in tables.items()}
    assert outcome(shuffled, filter_by, split_by) == made
    if not isinstance(made, str):
        account = json.loads(made[SPLIT_REPORT.name])
        assert account["leaks"] <= (split_by["by"] == "clip")
        assert all(holds for claim, holds in account["claims"].items() if claim != certificate.APART)
