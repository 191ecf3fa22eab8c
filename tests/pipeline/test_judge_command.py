"""Judge (also judge.py, anew.py, candidate.py, folder.py, judgement.py, strangers.py)."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.store import Store
from models.calibration import tempered
from models.config import ModelError, read_config
from models.exported import export
from models.learning.trained import load, save, write_config
from models.origin import CorpusFacts, Origin, SplitFacts
from pipeline import judge
from pipeline.comparing.fold import learnt, with_whole_fold
from pipeline.corpus.prepared import prepare
from pipeline.judging import candidate
from pipeline.judging.anew import fitted_anew
from pipeline.judging.folder import FILES
from pipeline.params import load_params, read_settings
from pipeline.paths import FEATURES, MANIFEST, MODEL, PARTIAL, SPLIT
from pipeline.split import grouped
from pipeline.splits.clips import judge_clips
from pipeline.splits.heard import HEARD, write_heard
from pipeline.splits.written import SPLIT_COLUMNS
from pipeline.stage import UserError, fingerprint
from tests.conftest import GROUPS, release_table, write_archive, write_release
from tests.project import ROOT, change

CLIPS, LOCALES = 54, ("en", "ca", "fr")
SMALL = {
    "model": "cnn",
    "filter": {"balance": "keep"},
    "split": {"by": "locale", "folds": 3},
    "train": {"max_epochs": 1, "crop": 0.4, "batch_size": 8, "monitor": "epoch", "learning_rate": 0.03},
    "architectures": {"cnn": {"channels": [4, 4, 4], "dropout": 0.1}},
    "compute": {"jobs": 1, "accelerator": "cpu"},
}


@dataclass(frozen=True)
class Project:
    folder: Path
    table: pd.DataFrame
    clips: dict[str, bytes]
    expected: pd.DataFrame  # what a split by locale says of the clips in the test fold: key, group, probabilities


@pytest.fixture(scope="module")
def trained(tmp_path_factory, mp3) -> Project:
    """A release of three languages, each with every group, and the model of two of them, as the stages leave it."""
    folder = tmp_path_factory.mktemp("project")
    table = release_table(CLIPS, CLIPS)
    table["locale"] = [LOCALES[number // 6 % 3] for number in range(CLIPS)]
    clips = {name: mp3(0.6 + 0.03 * number, seed=number) for number, name in enumerate(table["path"])}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        shutil.copy(ROOT / "params.yaml", folder)
        change(folder, SMALL)
        archive = write_archive(write_release(Path("release"), table, clips), Path("whole.tar.gz"))
        Path("work").mkdir()
        prepare(archive, read_settings(), Path("work"))
        return Project(folder, table, clips, learn(Path("work")))


def learn(prepared: Path) -> pd.DataFrame:
    params, store = load_params(), Store(prepared / FEATURES)
    split = with_whole_fold(
        grouped(pd.read_parquet(prepared / MANIFEST), store.index, params.split), params.split
    ).assign(left_out="")
    model, config, _ = learnt(split, params, store)
    test = split[split["split"] == "test"]
    raw = judge_clips(test, model, config.frames, store, "cpu")
    MODEL.mkdir(parents=True)
    split[SPLIT_COLUMNS].to_parquet(SPLIT, index=False)
    facts = SplitFacts("locale", 0, GROUPS, fingerprint(SPLIT), 3, 0)
    origin = Origin(CorpusFacts("whole.tar.gz", False, {"validated": CLIPS}), facts, params.train)
    save(model, replace(config, temperature=0.7, origin=origin), MODEL)
    answers = pd.DataFrame(tempered(raw, 0.7), columns=config.groups)
    return test[["key", "group"]].reset_index(drop=True).join(answers)


@pytest.fixture
def project(trained, tmp_path, monkeypatch) -> Project:
    """A copy with the model, in which to judge."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(trained.folder / "params.yaml", tmp_path)
    shutil.copytree(trained.folder / "data", tmp_path / "data")
    return trained


def archive_of(project: Project, rows: pd.Series, name: str) -> Path:
    table = project.table[rows]
    release = write_release(Path("release") / name, table, {path: project.clips[path] for path in table["path"]})
    return write_archive(release, Path(f"{name}.tar.gz"))


def run(monkeypatch, *words: str | Path) -> None:
    monkeypatch.setattr("sys.argv", ["judge", *map(str, words)])
    judge.main()


def judged(out: Path) -> tuple[pd.DataFrame, dict, str]:
    assert {path.name for path in out.iterdir()} == {*FILES}
    assert not list(PARTIAL.iterdir())
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    return pd.read_parquet(out / "predictions.parquet"), metrics, (out / "README.md").read_text(encoding="utf-8")


def assert_same(predictions: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert predictions["key"].tolist() == expected["key"].tolist()
    assert predictions["group"].tolist() == expected["group"].tolist()
    np.testing.assert_allclose(predictions[[*GROUPS]], expected[[*GROUPS]], atol=1e-6)
    assert np.ptp(expected[[*GROUPS]].to_numpy(), axis=0).max() > 1e-2  # otherwise agreement would mean nothing


def macro_recall(answers: pd.DataFrame) -> float:
    is_right = answers[[*GROUPS]].idxmax(axis=1) == answers["group"].astype("str")
    return is_right.groupby(answers["group"].astype("str")).mean().mean()


def test_other_languages_get_the_numbers_of_a_split_by_locale(project, monkeypatch, capsys):
    """From an archive of them alone, whatever front-end and groups params.yaml has now."""
    is_strange = project.table["path"].str.removesuffix(".mp3").isin(project.expected["key"])
    assert project.table["locale"][is_strange].nunique() == 1
    assert project.table["locale"][~is_strange].nunique() == 2
    two = {"young": ["teens", "twenties"], "old": ["fifties"]}
    change(Path(), {"front_ends": {"logmel": {"n_mels": 32}}, "sound": {"trim": 20}, "filter": {"groups": two}})
    run(monkeypatch, archive_of(project, is_strange, "strangers"))
    predictions, metrics, card = judged(Path("data/judged/strangers"))
    assert_same(predictions, project.expected)
    assert metrics["macro_recall"] == pytest.approx(macro_recall(project.expected), abs=1e-6)
    assert metrics["learnt_from"] == {"is_known": True, "speakers": 18, "heard": 0, "clips": 0}
    assert "It has learnt from none of the 18 speakers." in card
    assert f"**Macro recall {metrics['macro_recall']:.3f}**" in card
    assert "The model's own test is not known here." in card
    assert "data/judged/strangers/README.md" in capsys.readouterr().out
    assert {path.name for path in Path("data").iterdir()} == {".partial", "model", "split.parquet", "judged"}


def test_people_that_it_has_learnt_from_are_left_out_or_it_is_refused(project, monkeypatch, capfd):
    release = project.folder / "release/validated.tsv"
    with pytest.raises(
        UserError,
        match=rf"^data/model has learnt from 36 of the 54 speakers of {release}: --anyway leaves them out [^\n]*$",
    ):
        run(monkeypatch, release)
    assert not Path("data/judged").exists()
    capfd.readouterr()
    run(monkeypatch, release, "--anyway")
    assert [line.split(":")[0] for line in capfd.readouterr().out.splitlines()] == ["pack", "decode", "judge"]
    predictions, metrics, card = judged(Path("data/judged/release"))
    assert_same(predictions, project.expected)
    assert metrics["learnt_from"] == {"is_known": True, "speakers": 54, "heard": 36, "clips": 36}
    assert "**It has learnt from 36 of the 54 speakers** of the corpus." in card
    write_heard(pd.read_parquet(SPLIT)["speaker"], MODEL)  # knows everybody
    with pytest.raises(UserError, match=r"^the model has learnt from all speakers of this corpus: [^\n]*$"):
        run(monkeypatch, release, "--anyway")
    judged(Path("data/judged/release"))  # is still there, and nothing beside it


def test_what_a_kill_leaves_is_found_again_and_what_was_there_is_kept(project, monkeypatch, capfd):
    """With an export, of which nobody knows whom it has learnt from, and a corpus that lacks groups."""
    model, config = load(MODEL)
    Path("exported").mkdir()
    export(model, config, Path("exported"))
    SPLIT.unlink()
    is_young = project.table["age"].isin(["twenties", "thirties"])
    words = (archive_of(project, is_young, "young"), "--model", "exported", "--out", "here")
    Path("here").mkdir()
    Path("here/README.md").write_text("of before", encoding="utf-8")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(judge, "judge_clips", killed)
        run(monkeypatch, *words)
    assert Path("here/README.md").read_text(encoding="utf-8") == "of before"
    capfd.readouterr()
    run(monkeypatch, *words)
    assert [line.split(":")[0] for line in capfd.readouterr().out.splitlines()] == ["judge"]
    predictions, metrics, card = judged(Path("here"))
    both = predictions.merge(project.expected, on="key", suffixes=("", "_expected"))
    assert len(both) == 6
    np.testing.assert_allclose(both[[*GROUPS]], both[[f"{group}_expected" for group in GROUPS]], atol=1e-5)
    assert metrics["recall"]["teens"] is None
    assert metrics["macro_recall"] == pytest.approx((metrics["recall"]["twenties"] + metrics["recall"]["thirties"]) / 2)
    assert metrics["baselines"] == {"chance": 0.5, "majority": 0.5}
    assert "**The corpus has no clips of teens, forties, fifties, sixties+.**" in card
    assert "**It is not known whether the model has learnt from some of these speakers**" in card


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.tar.gz"], "there is no nothing.tar.gz"),
        (["params.yaml", "--model", "nothing"], "nothing holds no model: it has no config.json"),
        (["params.yaml", "--model", "nobodys"], "does not say what the model was trained on"),
        (["params.yaml", "--model", "torn"], "torn/speakers.bin is damaged: it has 3 bytes, not 8 for each speaker"),
        (["params.yaml", "--model", "odd"], "odd/config.json is damaged: its groups do not fit the ages"),
        (["params.yaml", "--model", "weightless"], "neither model.onnx nor model.pth"),
        (["params.yaml", "--out", "data"], "--out is data, which holds model: name a new folder"),
        (["params.yaml"], "params.yaml could not be prepared: tables failed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_judged_is_one_line(words, said, project, monkeypatch):
    for name in ("nobodys", "torn", "odd", "weightless"):
        shutil.copytree(MODEL, name)
    config = read_config(MODEL)
    write_config(replace(config, origin=None), Path("nobodys"))
    odd = replace(config.origin.split, groups=GROUPS | {"teens": ["tens"]})
    write_config(replace(config, origin=replace(config.origin, split=odd)), Path("odd"))
    Path("torn", HEARD).write_bytes(b"123")
    Path("weightless/model.pth").unlink()
    with pytest.raises((UserError, ModelError)) as error:
        run(monkeypatch, *words)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not Path("data/judged").exists()
    assert not PARTIAL.exists() or not list(PARTIAL.iterdir())


def test_an_encoder_that_can_be_downloaded_is_made_first(project, monkeypatch):
    shutil.copytree(ROOT / "data/pretrained", "pretrained")
    asked = []
    monkeypatch.setattr(candidate, "make_encoder", lambda front_end, folder: asked.append((front_end.name, folder)))
    with pytest.raises(ModelError, match=r"there is no data/encoders/dvector/dvector\.onnx"):
        run(monkeypatch, "params.yaml", "--model", "pretrained")
    assert asked == [("dvector", Path("pretrained"))]


def test_a_temperature_is_fitted_on_other_people_than_it_is_judged_by():
    random = np.random.default_rng(0)
    true = random.dirichlet([0.5] * 3, 4000)
    targets = (true.cumsum(axis=1) > random.random((4000, 1))).argmax(axis=1)
    speakers = np.arange(4000) // 4
    anew = fitted_anew(tempered(true, 0.5), targets, speakers)
    assert anew.temperatures == pytest.approx([2, 2], abs=0.2)
    np.testing.assert_allclose(anew.probabilities, true, atol=0.05)
    assert len(set(anew.temperatures)) == 2
    for own, other in (anew.temperatures, anew.temperatures[::-1]):
        half = np.isclose(anew.probabilities, tempered(tempered(true, 0.5), own)).all(axis=1)
        assert not set(speakers[half]) & set(speakers[~half])
        changed = np.where(half, 0, targets)  # other answers of those whom it was not fitted on
        assert own in fitted_anew(tempered(true, 0.5), changed, speakers).temperatures
        assert other not in fitted_anew(tempered(true, 0.5), changed, speakers).temperatures
