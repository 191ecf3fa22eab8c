"""Corpora: several at once, in any cut (also forms.py, noted.py, recordings.py, rows.py, spontaneous.py)."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import filter, pack, tables
from pipeline.corpus.archive import Archive, Folder
from pipeline.corpus.corpora import open_corpora
from pipeline.corpus.recordings import OwnTable
from pipeline.paths import CLIPS, FILTER_REPORT, MANIFEST, ROWS
from pipeline.stage import UserError
from tests.conftest import release_table, write_archive, write_release
from tests.project import ROOT, change

COUNT = 72  # clips


def sounds_of(rows: pd.DataFrame) -> dict[str, bytes]:
    return {path: f"sound of {path}".encode() for path in rows["path"]}


def archive_of(folder: Path, name: str, rows: pd.DataFrame, **others: pd.DataFrame) -> Path:
    """An archive of these rows and their clips, with other tables."""
    release = folder / "made" / name
    validated = write_release(release, rows, sounds_of(rows))
    for table, part in others.items():
        write_release(release, rows, {}).with_name(f"{table}.tsv").write_bytes(
            write_release(folder / "made" / f"{name}-{table}", part, {}).read_bytes()
        )
    folder.joinpath("data/raw").mkdir(parents=True, exist_ok=True)
    return write_archive(validated, folder / "data/raw" / f"{name}.tar.gz")


def unpacked_of(folder: Path, name: str, rows: pd.DataFrame) -> Path:
    """A link to the table of a release that is unpacked elsewhere."""
    validated = write_release(folder / "elsewhere" / name, rows, sounds_of(rows))
    link = folder / "data/raw" / f"{name}.tsv"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(validated)
    return link


@pytest.fixture
def rows() -> pd.DataFrame:
    table = release_table(COUNT, 36)
    return table.assign(locale=[("en", "ca", "fr")[number % 36 // 6 % 3] for number in range(COUNT)])


def chosen(folder: Path, corpus: str, **changes) -> pd.DataFrame:
    """The manifest of a corpus; every row has to be accounted for, and its clips packed as they are."""
    change(folder, {"corpus": corpus, "filter": changes})
    tables.main()
    filter.main()
    pack.main()
    manifest, account = pd.read_parquet(MANIFEST), json.loads(FILTER_REPORT.read_text(encoding="utf-8"))
    dropped = sum(rule["dropped"] for rule in account["rules"].values())
    assert account["rows"] == dropped + len(manifest) == len(pd.read_parquet(ROWS))
    assert account["by_corpus"] == {
        name: {"rows": part["rows"], "kept": int((manifest["corpus"] == name).sum())}
        for name, part in account["by_corpus"].items()
    }
    assert sorted(pd.read_parquet(CLIPS / "index.parquet")["key"]) == sorted(manifest["key"])
    return manifest


def test_a_release_cut_by_locale_with_a_delta_chooses_what_the_whole_does(project, rows):
    whole = chosen(project, str(archive_of(project, "whole", rows)))
    shutil.rmtree("data")
    archive_of(project, "en", rows[rows["locale"] == "en"])
    unpacked_of(project, "others", rows[rows["locale"] != "en"])
    archive_of(project, "delta", rows[10:30])
    several = chosen(project, "data/raw")
    assert set(several["corpus"]) == {"delta.tar.gz", "en.tar.gz", "others"}
    pd.testing.assert_frame_equal(several.drop(columns="corpus"), whole.drop(columns="corpus"))
    rules = json.loads(FILTER_REPORT.read_text(encoding="utf-8"))["rules"]
    assert rules["duplicate"]["dropped"] == 20


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**20), parts=st.integers(1, 4), again=st.integers(0, 20))
def test_a_made_up_release_in_any_cut_chooses_the_same(tmp_path_factory, seed, parts, again):
    random = np.random.default_rng(seed)
    rows = release_table(COUNT, int(random.integers(12, COUNT)))
    rows.loc[random.random(COUNT) < 0.1, "age"] = ""
    rows.loc[random.random(COUNT) < 0.05, "client_id"] = ""
    place = random.integers(parts, size=COUNT)
    folder, home = tmp_path_factory.mktemp("cut"), Path.cwd()
    shutil.copy(ROOT / "params.yaml", folder)
    os.chdir(folder)
    try:
        whole = chosen(folder, str(archive_of(folder, "whole", rows)))
        shutil.rmtree("data")
        for part in range(parts):
            make = archive_of if random.random() < 0.5 else unpacked_of
            make(folder, f"part{part}", pd.concat([rows[place == part], rows.sample(again, random_state=part)]))
        several = chosen(folder, "data/raw")
    finally:
        os.chdir(home)
    pd.testing.assert_frame_equal(several.drop(columns="corpus"), whole.drop(columns="corpus"))


def test_clips_that_are_listed_and_absent_are_dropped_before_groups_are_balanced(project, rows):
    release = write_release(project / "partial", rows, sounds_of(rows[rows["age"] != "teens"]))
    teens = rows[rows["age"] == "teens"]["path"]
    (release.parent / "clips" / teens.iloc[0]).write_bytes(b"the only one")
    manifest = chosen(project, str(write_archive(release, project / "partial.tar.gz")))
    rules = json.loads(FILTER_REPORT.read_text(encoding="utf-8"))["rules"]
    assert rules["missing"]["dropped"] == len(teens) - 1
    assert manifest["age"].value_counts().to_dict() == dict.fromkeys(set(rows["age"]), 1)


def test_a_path_that_is_given_to_two_people_is_nobodys(project, rows):
    archive_of(project, "first", rows)
    archive_of(project, "second", rows[:3].assign(client_id="somebody else"))
    manifest = chosen(project, "data/raw")
    assert json.loads(FILTER_REPORT.read_text(encoding="utf-8"))["rules"]["claimed"]["dropped"] == 6
    assert not set(manifest["path"]) & set(rows["path"][:3])


@pytest.mark.parametrize(
    ("wanted", "rule", "left"),
    [
        ({"locales": ["en", "fr"]}, "other_locale", lambda rows: rows["locale"].isin(["en", "fr"])),
        ({"genders": ["female"]}, "other_gender", lambda rows: rows["gender"] == "female"),
        ({"accents": ["north"]}, "other_accent", lambda rows: rows["accent"] == "north"),
    ],
)
def test_only_what_is_wanted_is_left(project, rows, wanted, rule, left):
    rows = rows.assign(accent=["north" if number % 12 < 6 else "" for number in range(COUNT)])
    manifest = chosen(project, str(archive_of(project, "whole", rows)), **wanted, balance="keep")
    assert set(manifest["path"]) == set(rows["path"][left(rows)])
    dropped = json.loads(FILTER_REPORT.read_text(encoding="utf-8"))["rules"][rule]["dropped"]
    assert dropped == (~left(rows)).sum()


def test_no_locale_has_more_than_its_share(project, rows):
    whole = str(archive_of(project, "whole", rows.assign(locale=["ps"] * 60 + ["en"] * 12)))
    manifest = chosen(project, whole, clips_per_locale=12, balance="keep")
    assert manifest["locale"].value_counts().to_dict() == {"ps": 12, "en": 12}
    assert manifest[manifest["locale"] == "ps"]["speaker"].is_unique


def test_what_a_speaker_said_elsewhere_fills_blanks_only_where_it_agrees(project, rows):
    rows.loc[36, "age"] = ""  # its speaker's other clip states one
    rows.loc[[1, 37], "age"] = ""  # neither does
    whole = str(archive_of(project, "whole", rows))
    without = chosen(project, whole, balance="keep")
    filled = chosen(project, whole, balance="keep", fill=True)
    assert len(without) == COUNT - 3
    assert len(filled) == COUNT - 2
    assert filled.set_index("path")["age"]["common_voice_en_0036.mp3"] == rows["age"][0]
    assert json.loads(FILTER_REPORT.read_text(encoding="utf-8"))["filled"] == {"age": 1, "gender": 0}


def test_a_folder_holds_archives_tables_and_links_to_them(project, rows):
    archive_of(project, "b", rows)
    unpacked_of(project, "a", rows)
    (project / "data/raw/mine").mkdir()
    (project / "data/raw/mine/clips.csv").write_text("path,speaker,age\nx.wav,s,30\n")
    (project / "data/raw/README.md").write_text("about")
    (project / "data/raw/.gitignore").write_text("*")
    corpora = open_corpora(Path("data/raw"))
    assert [(type(corpus), corpus.name) for corpus in corpora] == [
        *((Folder, "a"), (Archive, "b.tar.gz"), (OwnTable, "mine")),
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda raw: (raw / "gone.tar").symlink_to("absent.tar"),
            r"gone\.tar is a link to something that is not",
        ),
        (lambda raw: (raw / "en").symlink_to(raw.parent), r"en is a link to a folder, which DVC does not follow"),
        (lambda raw: write_release(raw / "en", release_table(6, 6), {"a.mp3": b""}), r"en is an unpacked release"),
        (lambda raw: (raw / "x.wav").write_bytes(b""), r"a folder without a release or a table: it holds x\.wav"),
        (lambda raw: None, "it holds nothing"),
    ],
)
def test_a_folder_that_will_not_do_is_one_line(project, make, message):
    raw = project / "data/raw"
    raw.mkdir(parents=True)
    make(raw)
    with pytest.raises(UserError, match=message) as error:
        open_corpora(Path("data/raw"))
    assert "\n" not in str(error.value)
