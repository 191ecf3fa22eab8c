"""Filter: every row has one fate (also ages.py, balance.py, hashes.py, rules.py)."""

import dataclasses
import json

import pandas as pd
import pytest

from features.shard import ShardWriter
from pipeline.corpus.rows import read_corpora
from pipeline.corpus.rules import LONGEST_KEY, RULES
from pipeline.filter import (
    apply_rules,
    check_groups_left,
    check_rows,
    count,
    manifest_of,
    prepare,
)
from pipeline.params import Filter
from pipeline.stage import UserError
from tests.conftest import list_release


@pytest.fixture
def settings(groups):
    return Filter(
        tables=["validated"],
        votes="unvalidated",
        conflict="drop",
        repeats="drop",
        clips_per_speaker=20,
        balance="keep",
        clips_per_group=None,
        groups=groups,
        seed=0,
    )


@pytest.fixture
def filtered(tmp_path):
    def run(table, settings, **others):
        folder = list_release(tmp_path, {"validated": table, **others})
        rows = prepare(read_corpora([folder], settings), settings)
        rows["outcome"] = apply_rules(rows, settings)
        return manifest_of(rows), count(rows)

    return run


def dropped(account):
    return {name: rule["dropped"] for name, rule in account["rules"].items() if rule["dropped"]}


def test_a_clean_table_stays_whole(table, settings, filtered):
    rows, account = filtered(table(48, 24), settings)
    assert len(rows) == 48
    assert dropped(account) == {}
    assert account["kept"]["clips_by_group"] == dict.fromkeys(settings.groups, 8)
    assert account["kept"]["speakers_by_group"] == dict.fromkeys(settings.groups, 4)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"sentence": "Good\tmorning"}, "damaged"),
        ({"segment": "\t"}, "damaged"),
        ({"age": ""}, "no_age"),
        ({"age": "ageless"}, "unknown_age"),
        ({"client_id": ""}, "no_speaker"),
        ({"path": "common_voice_en_0024.mp3"}, "duplicate"),
        ({"path": "../../secret.mp3"}, "unsafe_path"),
        ({"path": ""}, "unsafe_path"),
        ({"path": ".mp3"}, "unsafe_path"),
        ({"path": "._common_voice_en_0000.mp3"}, "unsafe_path"),
        ({"path": "\x1b[2Jclip.mp3"}, "unsafe_path"),
        ({"path": "clip\r.mp3"}, "unsafe_path"),
        ({"path": "é" * 60 + ".mp3"}, "unsafe_path"),
        ({"path": "a." + "x" * 300}, "unsafe_path"),
        ({"sentence": "Sentence 24.", "client_id": "client0", "age": "teens"}, "repeat"),
    ],
)
def test_each_rule_drops_its_row(table, settings, filtered, changes, rule):
    rows = table(48, 24)
    for column, value in changes.items():
        rows.loc[0, column] = value
    kept, account = filtered(rows, settings)
    assert dropped(account) == {rule: 1}
    assert len(kept) == 47


def test_the_longest_key_fits_into_a_shard(table, settings, filtered, tmp_path):
    rows = table(48, 24)
    rows.loc[0, "path"] = "é" * (LONGEST_KEY // 2) + ".mp3"
    rows.loc[1, "path"] = "é" * (LONGEST_KEY // 2) + "e.mp3"
    kept, account = filtered(rows, settings)
    assert dropped(account) == {"unsafe_path": 1}
    with ShardWriter(tmp_path / "shard.tar") as shard:
        for key in kept["key"]:
            shard.add(f"{key}.json", b"")


def test_votes_are_required_in_tables_that_nobody_validated(table, settings, filtered):
    rows, other = table(48, 24), table(12, 12).assign(path=[f"other_{number}.mp3" for number in range(12)])
    other["sentence"] = [f"Other {number}." for number in range(12)]
    rows.loc[0, "down_votes"] = "2"
    other.loc[:4, "up_votes"], other.loc[:4, "down_votes"] = "1", "1"
    settings = dataclasses.replace(settings, tables=["validated", "other"])
    assert dropped(filtered(rows, settings, other=other)[1]) == {"votes": 5}
    settings = dataclasses.replace(settings, votes="all")
    assert dropped(filtered(rows, settings, other=other)[1]) == {"votes": 6}
    settings = dataclasses.replace(settings, votes="none")
    assert dropped(filtered(rows, settings, other=other)[1]) == {}


def test_a_speaker_of_two_groups_far_apart_goes_and_a_birthday_stays(table, settings, filtered):
    rows = table(48, 24)
    rows.loc[24, "age"] = "fifties"  # client0 was a teen
    rows.loc[25, "age"] = "thirties"  # client1 was in the twenties
    assert dropped(filtered(rows, settings)[1]) == {"conflict": 2}
    assert dropped(filtered(rows, dataclasses.replace(settings, conflict="keep"))[1]) == {}


def test_a_talkative_speaker_is_capped(table, settings, filtered):
    rows = pd.concat([table(48, 24), table(30, 1).assign(path=[f"more_{n}.mp3" for n in range(30)])])
    rows["sentence"] = range(78)
    kept, account = filtered(rows, dataclasses.replace(settings, clips_per_speaker=5))
    assert dropped(account) == {"talkative": 27}
    assert kept["speaker"].value_counts().max() == 5


def test_groups_are_equal_with_as_many_speakers_as_possible(table, settings, filtered):
    rows = table(240, 60)
    rows = rows[~((rows["age"] == "fifties") & (rows.index >= 60))]  # 10 fifties left, of 10 speakers
    _, account = filtered(rows, dataclasses.replace(settings, balance="undersample"))
    assert account["kept"]["clips_by_group"] == dict.fromkeys(settings.groups, 10)
    assert account["kept"]["speakers_by_group"] == dict.fromkeys(settings.groups, 10)
    _, account = filtered(rows, dataclasses.replace(settings, clips_per_group=7))
    assert set(account["kept"]["clips_by_group"].values()) == {7}


def test_every_row_is_accounted_for(table, settings, filtered):
    rows = table(100, 30)
    rows.loc[:9, "age"] = ""
    kept, account = filtered(rows, dataclasses.replace(settings, balance="undersample"))
    assert account["rows"] == 100 == len(kept) + sum(dropped(account).values())
    assert json.loads(json.dumps(account)) == account


def test_the_order_of_the_rows_does_not_matter(table, settings, filtered):
    rows = table(100, 30)
    rows.loc[7, "path"] = rows.loc[8, "path"]
    settings = dataclasses.replace(settings, balance="undersample", clips_per_speaker=2)
    first, account = filtered(rows, settings)
    second, same_account = filtered(rows.sample(frac=1, random_state=1), settings)
    pd.testing.assert_frame_equal(first.reset_index(drop=True), second.reset_index(drop=True))
    assert account == same_account


def test_another_seed_chooses_others(table, settings, filtered):
    settings = dataclasses.replace(settings, clips_per_group=3)
    chosen = [set(filtered(table(100, 50), dataclasses.replace(settings, seed=seed))[0]["key"]) for seed in (0, 1)]
    assert chosen[0] != chosen[1]


def test_keys_have_no_dots_and_speakers_are_hashes(table, settings, filtered):
    rows = table(48, 24)
    rows.loc[0, "path"] = "a.b.c.mp3"
    kept, _ = filtered(rows, settings)
    assert "a_b_c" in set(kept["key"])
    assert not kept["key"].str.contains(".", regex=False).any()
    assert kept["speaker"].str.fullmatch("[0-9a-f]{16}").all()
    assert kept["speaker"].nunique() == 24


def test_a_damaged_row_damages_no_other(table, settings, filtered):
    rows = table(48, 24)
    rows.loc[0, "sentence"] = "Good\tmorning"
    rows.loc[1, "sentence"] = "Good\rmorning"
    rows.loc[2, "path"] = rows.loc[0, "path"]  # whole, so that it is the other one that goes
    kept, account = filtered(rows, settings, train=rows[:3], dev=rows[3:])
    assert dropped(account) == {"damaged": 1}
    expected = rows[1:].assign(official=["train"] * 2 + ["val"] * 45).sort_values("path")
    for column in ("path", "age", "gender", "official"):
        assert list(kept[column]) == list(expected[column])


def test_rows_that_lack_fields_are_counted_once(table, settings, tmp_path):
    list_release(tmp_path, {"validated": table(48, 24)})
    text = (tmp_path / "validated.tsv").read_text(encoding="utf-8")
    (tmp_path / "validated.tsv").write_text(text.replace("\tfifties", "") + "client9\tcut_o", encoding="utf-8")
    rows = prepare(read_corpora([tmp_path], settings), settings)
    rows["outcome"] = apply_rules(rows, settings)
    account = count(rows)
    assert account["rows"] == 49
    assert dropped(account) == {"damaged": 9}
    rows.sort_index().to_parquet(tmp_path / "rows.parquet")
    check_rows(tmp_path / "rows.parquet", [tmp_path])


def test_quotes_break_nothing(table, settings, filtered):
    rows = table(48, 24)
    rows.loc[3, "sentence"] = '"He said'
    rows.loc[9, "sentence"] = 'so," and left'
    assert len(filtered(rows, settings)[0]) == 48


def test_a_missing_column_is_named(table, settings, filtered):
    with pytest.raises(UserError, match="lacks the columns age, gender"):
        filtered(table(48, 24).drop(columns=["age", "gender"]), settings)


def test_a_missing_table_is_named(table, settings, filtered):
    with pytest.raises(UserError, match="no table 'other': it has validated"):
        filtered(table(48, 24), dataclasses.replace(settings, tables=["validated", "other"]))


def test_an_empty_table_is_refused(table, settings, tmp_path):
    list_release(tmp_path, {"validated": table(48, 24), "other": table(48, 24)})
    (tmp_path / "other.tsv").write_text("")
    with pytest.raises(UserError, match="not a table"):
        read_corpora([tmp_path], dataclasses.replace(settings, tables=["other"]))


def test_fewer_than_two_groups_are_an_error(table, settings, filtered):
    rows = table(48, 24).assign(age="teens")
    with pytest.raises(UserError, match=r"in 1 groups \(teens\)"):
        check_groups_left(filtered(rows, settings)[1])


def test_rules_have_names_that_the_report_can_show():
    assert len({rule.__name__ for rule in RULES}) == len(RULES)


def test_an_age_in_no_group_is_dropped(table, settings, filtered):
    settings = dataclasses.replace(settings, groups={"young": ["teens"], "old": ["fifties", "sixties"]})
    kept, account = filtered(table(48, 24), settings)
    assert dropped(account) == {"other_age": 24}
    assert set(kept["age"]) == {"teens", "fifties", "sixties"}


def test_the_releases_own_split_is_kept_and_two_of_them_are_seen(table, settings, filtered):
    rows = table(48, 24)
    kept, _ = filtered(rows, settings, train=rows[:30], dev=rows[28:36], test=rows[36:40])
    official = kept.set_index("path")["official"]
    assert official.value_counts().to_dict() == {"train": 28, "train+val": 2, "val": 6, "test": 4, "": 8}
    assert official["common_voice_en_0029.mp3"] == "train+val"


def test_a_clip_in_two_tables_counts_in_the_one_named_first(table, settings, filtered):
    rows, other = table(48, 24), table(48, 24)[40:]
    for tables in (["validated", "other"], ["other", "validated"]):
        kept, account = filtered(rows, dataclasses.replace(settings, tables=tables, votes="none"), other=other)
        assert dropped(account) == {"duplicate": 8}
        assert (kept["table"] == "other").sum() == (8 if tables[0] == "other" else 0)


def test_written_rows_that_are_not_those_of_the_table_are_found(table, tmp_path):
    list_release(tmp_path, {"validated": table(48, 24)})
    rows = table(48, 24)[["path"]].assign(corpus="corpus.tar", table="validated", outcome="kept")
    rows.to_parquet(tmp_path / "rows.parquet")
    check_rows(tmp_path / "rows.parquet", [tmp_path])
    rows[1:].to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(RuntimeError, match=r"every row of validated of corpus\.tar"):
        check_rows(tmp_path / "rows.parquet", [tmp_path])
