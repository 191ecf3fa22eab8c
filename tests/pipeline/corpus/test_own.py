"""Own tables and spontaneous speech: read in every form, and all the way to a card."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.metrics import mean_absolute_error

from models.config import read_config
from pipeline import decode, evaluate, filter, pack, split, tables, train
from pipeline.corpus.own import read_table
from pipeline.paths import EVALUATION, FEATURES, FILTER_REPORT, MANIFEST, MODEL, SPLIT
from pipeline.stage import UserError
from tests.conftest import buzz, encode
from tests.project import change

STAGES = (tables, filter, pack, decode, split, train, evaluate)
SMALL = {
    "filter": {"balance": "keep"},
    "decode": {"max_rejects": 0.5},
    "split": {"folds": 3},
    "model": "linear",
    "train": {"max_epochs": 1, "crop": 0.4, "batch_size": 8},
    "compute": {"jobs": 1, "accelerator": "cpu"},
}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def project(project) -> Path:
    change(project, SMALL)
    return project


@pytest.mark.parametrize(
    ("header", "row", "age", "years"),
    [
        ("path,speaker,age", "a.wav,s,34", "thirties", 34),
        ("path,speaker,age", "a.wav,s,34.5", "thirties", 34.5),
        ("path,speaker,age", "a.wav,s,fourties", "fourties", None),
        ("path,speaker,birth_year,year", "a.wav,s,1950,2015", "sixties", 65),
        ("path,speaker,age,birth_year,year", "a.wav,s,,1950,2015", "sixties", 65),
        ("path,speaker,age", "a.wav,s,7", "child", 7),
        ("path,speaker,age", "a.wav,s,", "", None),
        ("path,speaker,age", "a.wav,s,n/a", "n/a", None),
        ("path,speaker,age", "a.wav,s,0", "0", None),
        ("path,speaker,age", "a.wav,s,-1", "-1", None),
        ("path,speaker,age", "a.wav,s,230", "230", None),
        ("path,speaker,age", "a.wav,s,inf", "inf", None),
        ("path,speaker,birth_year,year", "a.wav,s,2015,1950", "-65", None),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_ages_may_be_stated_in_several_ways(tmp_path, header, row, age, years, suffix):
    text = f"{header}\n{row}\n"
    path = write(tmp_path / f"clips.{suffix}", text if suffix == "csv" else text.replace(",", "\t"))
    table = read_table(path, each_clip_another=False)
    assert table["age"].tolist() == [age]
    assert table["years"].tolist() == [years] if years is not None else table["years"].isna().all()


def test_what_else_is_known_is_taken_and_the_rest_ignored(tmp_path):
    text = "note,speaker,path,age,gender,locale,accent,sentence,split\nx,s,b/a.wav,30,F,fr,nord,Bonjour,dev\n"
    row = read_table(write(tmp_path / "clips.csv", text), each_clip_another=False).iloc[0]
    assert row["path"] == "b/a.wav"
    assert (row["gender"], row["locale"], row["accent"], row["sentence"]) == ("female", "fr", "nord", "Bonjour")
    assert row["official"] == "val"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("file,speaker,age", "lacks the column path: where each recording is"),
        ("path,age", "lacks the column speaker: .* filter.speaker: path"),
        ("path,speaker", "lacks ages: it needs the column age .* or birth_year and year"),
        ("path,speaker,birth_year", "lacks ages"),
    ],
)
def test_missing_columns_are_named_with_what_would_do(tmp_path, header, message):
    with pytest.raises(UserError, match=message) as error:
        read_table(write(tmp_path / "clips.csv", f"{header}\n"), each_clip_another=False)
    assert "\n" not in str(error.value)


def sound(seconds: float, seed: int, form: str) -> bytes:
    return encode(buzz(seconds, 16000, seed), 16000, form)


def write_recordings(folder: Path, people: int) -> pd.DataFrame:
    """A table and recordings of people from 18 to 80, in folders and three formats, two each."""
    rows = []
    for number in range(2 * people):
        suffix, form = (("wav", "WAV"), ("flac", "FLAC"), ("mp3", "MP3"))[number % 3]
        path = f"day {number % 4}/take.{number}.{suffix}"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(sound(0.7 + 0.01 * number, number, form))
        person = number % people
        rows.append(
            {"path": path, "speaker": f"P{person}", "age": 18 + 62 * person // people, "gender": "mf"[person % 2]}
        )
    table = pd.DataFrame(rows)
    table.to_csv(folder / "clips.csv", index=False)
    return table


def test_own_recordings_get_a_card_with_errors_in_years(project):
    table = write_recordings(project / "data/raw/mine", people=36)
    bins = {"young": ["18-35"], "middle": ["36-55"], "old": ["56-120"]}
    change(project, {"corpus": "data/raw/mine/clips.csv", "filter": {"groups": bins}, "split": {"groups": bins}})
    for stage in STAGES:
        stage.main()
    manifest = pd.read_parquet(MANIFEST)
    assert sorted(manifest["path"]) == sorted(table["path"])
    assert manifest["is_exact"].all()
    assert manifest.set_index("path")["years"].to_dict() == table.set_index("path")["age"].to_dict()
    assert len(pd.read_parquet(FEATURES / "index.parquet")) == len(table)
    given = pd.read_parquet(EVALUATION / "predictions.parquet").set_index("key")
    true = pd.read_parquet(SPLIT).set_index("key")["years"][given.index]
    expected = given[list(bins)].to_numpy() @ np.array(read_config(MODEL).years)
    metrics = json.loads((EVALUATION / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["mae_years"] == pytest.approx(mean_absolute_error(true, expected), rel=1e-5)
    years = pd.read_csv(EVALUATION / "years.csv").set_index(["mix", "ages"]).loc[("as tested", "stated in years")]
    assert years["mae"] == pytest.approx(metrics["mae_years"], rel=1e-5)
    assert "stated in years" in (EVALUATION / "README.md").read_text(encoding="utf-8")


def test_a_table_leads_nowhere_else(project):
    write_recordings(project / "data/raw/mine", people=36)
    secret = project / "data/raw/secret.wav"
    secret.write_bytes(sound(1, 0, "WAV"))
    with (project / "data/raw/mine/clips.csv").open("a", encoding="utf-8") as file:
        file.write(f"../secret.wav,P0,18,m\n{secret},P1,19,m\nabsent.wav,P2,20,m\n.hidden.wav,P3,20,m\n")
    change(project, {"corpus": "data/raw/mine/clips.csv"})
    for stage in (tables, filter, pack):
        stage.main()
    rules = json.loads(FILTER_REPORT.read_text(encoding="utf-8"))["rules"]
    assert rules["unsafe_path"]["dropped"] == 3
    assert rules["missing"]["dropped"] == 1


def test_without_speakers_every_clip_may_be_another_person(project, capsys):
    table = write_recordings(project / "data/raw/mine", people=36)
    table.drop(columns="speaker").assign(note="x", mood="y").to_csv(project / "data/raw/mine/clips.csv", index=False)
    change(project, {"corpus": "data/raw/mine/clips.csv"})
    tables.main()
    with pytest.raises(UserError, match="lacks the column speaker"):
        filter.main()
    change(project, {"filter": {"speaker": "path"}})
    filter.main()
    assert "filter: mine: ignored the columns note, mood" in capsys.readouterr().out
    assert pd.read_parquet(MANIFEST)["speaker"].is_unique
    for stage in STAGES[2:]:
        stage.main()
    assert "Nobody knows whether speakers cross splits" in (EVALUATION / "README.md").read_text(encoding="utf-8")


def write_spontaneous(path: Path, people: int, longest: float) -> pd.DataFrame:
    """A release of spontaneous speech, as the Mozilla Data Collective names its files and columns."""
    ages = ["teens", "twenties", "thirties", "fourties", "fifties", "sixties"]
    rows = pd.DataFrame({"client_id": [f"client{number}" for number in range(people)]})
    rows["audio_id"] = [str(1000 + number) for number in range(people)]
    rows["audio_file"] = [f"spontaneous-speech-en-{number}.mp3" for number in rows["audio_id"]]
    for name in ("duration_ms", "prompt_id", "prompt", "transcription", "votes"):
        rows[name] = "0"
    rows["age"] = [ages[number % 6] for number in range(people)]
    rows["gender"] = ["female_feminine" if number // 6 % 2 else "" for number in range(people)]
    for name in ("accents", "variant"):
        rows[name] = ""
    rows["language"], rows["split"] = "en", ["train", "dev", "test"] * (people // 3)
    rows["char_per_sec"] = rows["quality_tags"] = ""
    table = "\n".join("\t".join(line) for line in [list(rows), *rows.to_numpy().tolist()]) + "\n"
    with tarfile.open(path, "w:gz") as tar:
        files = {f"audios/{name}": sound(1.0, seed, "MP3") for seed, name in enumerate(rows["audio_file"])}
        files[f"audios/{rows['audio_file'][0]}"] = sound(longest, 0, "MP3")
        for name, data in (files | {"ss-corpus-en.tsv": table.encode(), "README.md": b"CC0-1.0"}).items():
            member = tarfile.TarInfo(f"sps-corpus-3.0-2026-01-01-en/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return rows


@pytest.mark.parametrize("too_long", ["reject", "crop"])
def test_spontaneous_speech_goes_all_the_way(project, too_long):
    rows = write_spontaneous(project / "sps-corpus-3.0-2026-01-01-en.tar.gz", people=36, longest=3.0)
    sounds = {"longest": 2.0, "too_long": too_long}
    change(project, {"corpus": "sps-corpus-3.0-2026-01-01-en.tar.gz", "sound": sounds, "split": {"by": "speaker"}})
    for stage in STAGES:
        stage.main()
    manifest = pd.read_parquet(MANIFEST)
    assert sorted(manifest["path"]) == sorted(rows["audio_file"])
    assert set(manifest["official"]) == {"train", "val", "test"}
    assert set(manifest["locale"]) == {"en"}
    index = pd.read_parquet(FEATURES / "index.parquet").set_index("key")
    long = rows["audio_file"][0].removesuffix(".mp3")
    if too_long == "crop":
        assert index["seconds"][long] == pytest.approx(2.0, abs=0.01)
        assert index["flags"][long] == ""
    else:
        assert long not in index.index
    assert "| licence | CC0-1.0, as it says itself |" in (EVALUATION / "README.md").read_text(encoding="utf-8")


def test_cropped_sounds_are_the_beginnings_of_whole_ones(tmp_path):
    from features.decoding.sound import SoundReader
    from features.front_end import Reading

    data = io.BytesIO()
    soundfile.write(data, buzz(3.0, 16000, 0), 16000, format="WAV")
    whole = SoundReader(Reading(16000, 40, 0.5, 60))(data.getvalue())
    cropped = SoundReader(Reading(16000, 40, 0.5, 1.0, "crop"))(data.getvalue())
    assert cropped.seconds == 1.0
    assert cropped.flags == ""
    np.testing.assert_array_equal(cropped.samples, whole.samples[: len(cropped.samples)])
