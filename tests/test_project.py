"""The whole project (also card.py, clips.py, evaluate.py, export.py, model_card.py, pictures.py, report.py, speed.py).

End to end, in a copy of it: what DVC runs, what it leaves alone, what a user's mistakes cost.
"""

import io
import json
import os
import re
import shutil
import signal
import sys
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

from features.shard import read_shard
from tests.features.front_ends.test_encoder import VALUES, use_encoder
from tests.project import change, clone, contents, done, name_remote, run, spare_installing, stages_run, start


def test_every_row_is_accounted_for(copy):
    account = json.loads((copy / "data/filter.json").read_text())
    manifest = pd.read_parquet(copy / "data/manifest.parquet")
    assert account["rows"] == len(manifest) + sum(rule["dropped"] for rule in account["rules"].values())
    index = pd.read_parquet(copy / "data/features/index.parquet")
    rejects = pd.read_csv(copy / "data/features/rejects.csv")
    assert sorted([*index["key"], *rejects["key"]]) == list(manifest["key"])
    assert {"empty", "undecodable", "silent", "too_short"} <= set(rejects["reason"])
    assert account["rules"]["missing"]["dropped"] > 0
    assert "truncated" in set(index["flags"])


def test_the_judged_are_balanced_strangers(copy):
    split = pd.read_parquet(copy / "data/split.parquet")
    assert (split.groupby("speaker")["split"].nunique() <= 1).all()
    predictions = pd.read_parquet(copy / "data/evaluation/predictions.parquet")
    assert set(predictions["key"]) == set(split["key"][split["split"] == "test"])
    groups = list(split["group"].cat.categories)
    assert predictions[groups].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    metrics = json.loads((copy / "data/evaluation/metrics.json").read_text())
    right = predictions[groups].idxmax(axis=1) == predictions["group"].astype("str")
    assert metrics["accuracy"] == pytest.approx(right.mean())
    assert list(metrics["recall"]) == groups
    assert {"macro_recall", "macro_f1", "within_one_group", "loss"} <= set(metrics)
    assert metrics["leaks"] is False


def test_a_second_run_does_nothing(copy):
    assert stages_run(done("dvc repro", copy)) == []


def test_another_architecture_runs_train_and_evaluate_and_going_back_runs_nothing(copy):
    # What -S does to params.yaml, without the seconds that exp run adds.
    change(copy, {"model": "tcn", "architectures": {"tcn": {"channels": 8, "kernel": 3, "dropout": 0.1}}})
    assert stages_run(done("dvc repro", copy)) == ["train", "evaluate"]
    assert json.loads((copy / "data/model/config.json").read_text())["architecture"] == "tcn"
    change(copy, {"model": "cnn"})
    assert stages_run(done("dvc repro", copy)) == []
    assert json.loads((copy / "data/model/config.json").read_text())["architecture"] == "cnn"


MEAN = """\"\"\"Mean: the mean of each mel band.\"\"\"

from torch import nn


class Mean(nn.Module):
    def __init__(self, values: int, frames: int, groups: int, bias: bool):
        super().__init__()
        self.classify = nn.Linear(values, groups, bias)

    def forward(self, features):
        return self.classify(features.mean(dim=2))
"""


def test_a_new_architecture_is_a_file_a_line_and_a_section(copy):
    """Tried beside the project, with a corpus that Git ignores and edits that are not committed; killed, it goes on."""
    kept = {name: (copy / name).read_text() for name in ("params.yaml", "models/architectures/__init__.py")}
    (copy / "models/architectures/mean.py").write_text(MEAN)
    text = kept["models/architectures/__init__.py"].replace(
        "from models.architectures.cnn", "from models.architectures.mean import Mean\nfrom models.architectures.cnn"
    )
    (copy / "models/architectures/__init__.py").write_text(text.replace('"cnn": CNN', '"mean": Mean, "cnn": CNN'))
    (copy / "data/raw").mkdir()
    shutil.copy(copy / "data/demo/cv-corpus-demo-en.tar.gz", copy / "data/raw/own.tar.gz")
    change(
        copy, {"corpus": "data/raw/own.tar.gz", "architectures": {"mean": {"bias": True}}, "train": {"max_epochs": 4}}
    )
    edited = (copy / "params.yaml").read_text()
    spare_installing(copy)
    kill_in_epoch(2, "make exp MODEL=mean", copy)
    output = done("make exp MODEL=mean", copy)
    assert stages_run(output) == ["train", "evaluate"]
    epochs = [int(line.split()[1].rstrip(":")) for line in output.splitlines() if line.startswith("epoch ")]
    assert epochs[0] > 0
    assert epochs[-1] == 3
    assert re.search(r"^ *mean-1 +mean +logmel +0 +0 +4 ", output, re.MULTILINE)
    assert (copy / "params.yaml").read_text() == edited
    assert json.loads((copy / "data/model/config.json").read_text())["architecture"] == "cnn"
    done("dvc exp apply mean-1", copy)
    assert json.loads((copy / "data/training.json").read_text())["parameters"] == 64 * 6 + 6
    assert list(pd.read_csv(copy / "data/model/history.csv")["epoch"]) == [0, 1, 2, 3]
    for name, before in kept.items():
        (copy / name).write_text(before)
    (copy / "models/architectures/mean.py").unlink()
    assert stages_run(done("dvc repro", copy)) == []


def kill_in_epoch(number: int, command: str, folder: Path) -> None:
    """Run a command until an epoch is told, then kill it and all that it started."""
    with start(command, folder) as running:
        lines = iter(running.stdout.readline, "")
        assert any(line.startswith(f"epoch {number:3}:") for line in lines)
        os.killpg(running.pid, signal.SIGKILL)


def test_another_fold_is_an_experiment_of_three_stages(copy):
    output = done("dvc exp run --temp --allow-missing -S split.fold=1", copy)
    assert stages_run(output) == ["split", "train", "evaluate"]
    assert stages_run(done("dvc repro", copy)) == []


def test_the_model_card_says_what_the_tables_say(copy):
    folder = copy / "data/evaluation"
    card, metrics = (folder / "README.md").read_text(), json.loads((folder / "metrics.json").read_text())
    assert f"**Macro recall {metrics['macro_recall']:.3f}**" in card
    assert f"{metrics['macro_recall_low']:.3f} to {metrics['macro_recall_high']:.3f}" in card
    assert "None of these numbers says anything about people" in card
    assert metrics["macro_recall_low"] <= metrics["macro_recall"] <= metrics["macro_recall_high"]
    assert set(metrics["baselines"]) == {"chance", "majority", "shortcuts", "mean and deviation of bands"}
    baselines = pd.read_csv(folder / "baselines.csv")
    assert metrics["beats_baselines"] == baselines["beaten"].all()
    assert ("It has not been shown to beat" in card) == (not metrics["beats_baselines"])
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", card)
    assert len(pictures) == 5
    assert all((folder / picture).stat().st_size > 5000 for picture in pictures)
    assert "nan" not in card
    shown = done(f"{sys.executable} -m pipeline.card", copy)
    assert f"| **macro recall** | {metrics['macro_recall']:.3f} |" in shown
    assert json.loads((copy / "data/model/config.json").read_text())["temperature"] != 1.0


def test_a_corpus_that_is_not_here_changes_nothing_that_is_said(copy):
    right, card = (copy / "params.yaml").read_text(), (copy / "data/evaluation/README.md").read_text()
    change(copy, {"corpus": "data/raw/absent.tar.gz"})
    failed = run("dvc repro --allow-missing", copy)
    (copy / "params.yaml").write_text(right)
    assert failed.returncode != 0
    assert "Running stage" not in failed.stdout
    assert (copy / "data/evaluation/README.md").read_text() == card
    assert stages_run(done("dvc repro", copy)) == []
    assert "cv-corpus-demo-en.tar.gz: " in card


def test_a_clip_that_came_to_an_unpacked_release_is_packed_once_tables_is_run_again(copy):
    right, raw = (copy / "params.yaml").read_text(), copy / "data/raw"
    with tarfile.open(copy / "data/demo/cv-corpus-demo-en.tar.gz") as tar:
        tar.extractall(raw, filter="data")
    change(copy, {"corpus": "data/raw/cv-corpus-demo/en/validated.tsv"})
    done("dvc repro pack", copy)
    rows = pd.read_parquet(copy / "data/rows.parquet")
    absent = rows["path"][rows["outcome"] == "missing"].iloc[0]
    (raw / "cv-corpus-demo/en/clips" / absent).write_bytes(b"a clip")
    assert stages_run(done("dvc repro pack", copy)) == []  # DVC looks at validated.tsv alone
    done("dvc repro --force --single-item tables", copy)
    assert stages_run(done("dvc repro pack", copy)) == ["filter", "pack"]
    assert absent.removesuffix(".mp3") in set(pd.read_parquet(copy / "data/clips/index.parquet")["key"])
    (copy / "params.yaml").write_text(right)
    done("dvc repro", copy)
    shutil.rmtree(raw)


def test_predict_says_what_evaluate_said_from_the_model_and_from_its_export(copy, tmp_path):
    judged = pd.read_parquet(copy / "data/evaluation/predictions.parquet").set_index("key")
    for shard in (copy / "data/clips").glob("*.tar"):
        for name, data in read_shard(shard):
            if name.split(".")[0] in judged.index:
                (tmp_path / name).write_bytes(data)
    done(f"{sys.executable} -m pipeline.export", copy)
    for model in ("data/model", "data/export"):
        output = done(f"{sys.executable} -m pipeline.predict --csv --model {model} {tmp_path}", copy)
        table = pd.read_csv(io.StringIO(output))
        table.index = table["file"].map(lambda name: Path(name).stem)
        groups = [name for name in judged if name in table and name not in ("group", "speaker")]
        assert len(groups) == 6
        assert sorted(table.index) == sorted(judged.index)
        pd.testing.assert_frame_equal(
            table.loc[judged.index, groups], judged[groups], atol=1e-5, check_dtype=False, check_names=False
        )
    about = json.loads((copy / "data/export/about.json").read_text())
    metrics = json.loads((copy / "data/evaluation/metrics.json").read_text())
    assert about["macro_recall"] == metrics["macro_recall"]
    assert (about["clips"], about["speakers"]) == (len(judged), judged["speaker"].nunique())
    assert about["is_synthetic"]
    assert stages_run(done("dvc repro", copy)) == []


def predicted_by_a_colleague(copy: Path, folder: Path) -> str:
    """What predict says of a clip in a clone that pulled what is pushed here, the encoder with it."""
    colleague = clone(copy, folder / "colleague")
    for name in ("params.yaml", "dvc.lock", "data/encoders/encoder.dvc", "clip.mp3"):  # as if they were committed
        shutil.copy(copy / name, colleague / name)
    for project in (copy, colleague):
        name_remote(project, {"url": str(folder / "store")})
        spare_installing(project)
    done("make push", copy)
    done("make pull", colleague)
    for name in ("data/features", "data/encoders/encoder"):
        assert contents(colleague / name) == contents(copy / name)
    assert stages_run(done("make repro", colleague)) == []
    return done(f"{sys.executable} -m pipeline.predict --json clip.mp3", colleague)


def test_another_front_end_is_decoded_once_and_going_back_runs_nothing(copy, tmp_path):
    """An encoder that is tracked by DVC, in a copy that has no corpus but the clips; its export hears by it alone, and
    a colleague pulls it.
    """
    right, encoder = (copy / "params.yaml").read_text(), copy / "data/encoders/encoder/encoder.onnx"
    change(copy, use_encoder(copy))
    done("dvc add data/encoders/encoder", copy)
    ran = stages_run(done("dvc repro", copy))
    assert ran == ["decode", "split", "train", "evaluate"]
    index = pd.read_parquet(copy / "data/features/index.parquet")
    assert index["frames"].max() < 30  # one every 0.25 s
    config = json.loads((copy / "data/model/config.json").read_text())
    assert (config["front_end"]["name"], config["front_end"]["values"]) == ("encoder", VALUES)
    assert "| features | encoder, 3 values, a frame every 250.0 ms" in (copy / "data/evaluation/README.md").read_text()
    done(f"{sys.executable} -m pipeline.export", copy)
    clip = next(data for _, data in read_shard(copy / "data/clips/00000.tar") if len(data) > 10_000)
    (copy / "clip.mp3").write_bytes(clip)
    encoder.rename(copy / "encoder.onnx")
    predicted = done(f"{sys.executable} -m pipeline.predict --json --model data/export clip.mp3", copy)
    assert sum(json.loads(predicted)["probabilities"].values()) == pytest.approx(1)
    refused = run(f"{sys.executable} -m pipeline.predict clip.mp3", copy)
    assert refused.returncode == 1
    assert (
        "there is no data/encoders/encoder/encoder.onnx: python -m pipeline.encoder --help says how" in refused.stderr
    )
    (copy / "encoder.onnx").rename(encoder)
    assert predicted_by_a_colleague(copy, tmp_path) == predicted
    (copy / "params.yaml").write_text(right)
    assert stages_run(done("dvc repro", copy)) == []


def test_every_plot_has_its_data_and_template(copy):
    shown = json.loads(done("dvc plots show --json", copy))["data"]
    specs = {name: plots[0]["content"] for name, plots in shown.items() if "content" in plots[0]}
    assert set(specs) == {"confusion", "recall", "reliability", "errors", "loss", "macro_recall"}
    assert all(spec["data"]["values"] for spec in specs.values())
    recall = [row["group"] for row in specs["recall"]["data"]["values"] if row["level"] == "clip"]
    assert recall == [*json.loads((copy / "data/evaluation/metrics.json").read_text())["recall"]]


def test_architectures_are_compared_and_nothing_is_run_twice(copy):
    compare = f"{sys.executable} -m pipeline.compare --models cnn rnn --folds 1"
    page = done(compare, copy)
    assert "| cnn |" in page
    assert "| rnn |" in page
    table = pd.read_csv(copy / "data/compare/compare.csv").set_index("model")
    assert (table.loc[["cnn", "rnn"], ["parameters", "train_seconds", "clips_per_second"]] > 0).all(axis=None)
    assert table.index.str.startswith("baseline: ").sum() == 2
    assert "2 runs, 0 already done" in page
    assert "2 runs, 2 already done" in done(compare, copy)


def test_training_and_judging_from_a_stream(copy):
    """Over HTTP, without the shards at hand; the streamed model is then judged alike from the store."""
    handler = partial(Quiet, directory=str(copy / "data/features"))
    shards = sorted(path.stem for path in (copy / "data/features").glob("*.tar"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = f"http://127.0.0.1:{server.server_address[1]}/{{{shards[0]}..{shards[-1]}}}.tar"
        python = f"{sys.executable} -m"
        done(f"{python} pipeline.train --source {source}", copy)
        done(f"{python} pipeline.evaluate --source {source}", copy)
        absent = run(f"{python} pipeline.train --source {source.replace(shards[-1], '99999')}", copy)
        server.shutdown()
    assert absent.returncode == 1
    assert [line for line in absent.stderr.splitlines() if line.startswith("train: http://127.0.0.1")]
    assert "Traceback" not in absent.stderr
    streamed = pd.read_parquet(copy / "data/evaluation/predictions.parquet")
    done(f"{python} pipeline.evaluate", copy)
    stored = pd.read_parquet(copy / "data/evaluation/predictions.parquet")
    pd.testing.assert_frame_equal(streamed, stored[streamed.columns], atol=1e-5)
    done("dvc checkout --force", copy)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


TWO = {"young": ["teens", "twenties", "thirties"], "old": ["fourties", "fifties", "sixties", "seventies"]}
THREE = {"-29": ["teens", "twenties"], "30-49": ["thirties", "fourties"], "50+": ["fifties", "sixties", "seventies"]}


def metrics_by(copy: Path, groups: dict[str, list[str]]) -> dict:
    """The metrics of a run, told by these groups."""
    metrics = json.loads((copy / "data/evaluation/metrics.json").read_text())
    assert list(metrics["recall"]) == list(groups)
    assert set(pd.read_csv(copy / "data/evaluation/confusion.csv")["actual"]) == set(groups)
    return metrics


def test_other_groups_go_all_the_way(copy):
    right = (copy / "params.yaml").read_text()
    change(copy, {"split": {"groups": TWO}})
    assert stages_run(done("dvc repro", copy)) == ["split", "train", "evaluate"]
    metrics_by(copy, TWO)
    (copy / "params.yaml").write_text(right)
    assert stages_run(done("dvc repro", copy)) == []


def test_a_split_by_clip_is_marked_as_leaking(copy):
    right = (copy / "params.yaml").read_text()
    change(copy, {"split": {"by": "clip", "groups": THREE}})
    assert "LEAKING" in done("dvc repro", copy)
    assert json.loads((copy / "data/split.json").read_text())["leaks"] is True
    metrics = metrics_by(copy, THREE)
    assert metrics["leaks"] is True
    predictions = pd.read_parquet(copy / "data/evaluation/predictions.parquet")
    assert metrics["seen"]["clips"] + metrics.get("unseen", {"clips": 0})["clips"] == len(predictions)
    (copy / "params.yaml").write_text(right)
    done("dvc repro", copy)


def test_a_split_of_ones_own_is_made_again_when_its_file_changes(copy):
    right = (copy / "params.yaml").read_text()
    speakers = pd.read_parquet(copy / "data/manifest.parquet")[["speaker", "age"]].drop_duplicates("speaker")
    turn = speakers.groupby("age").cumcount()
    own = copy / "data/splits/own.csv"
    speakers.assign(split=turn.map({0: "test", 1: "dev"}).fillna("train")).to_csv(own, index=False)
    change(copy, {"split": {"by": "data/splits/own.csv"}})
    done("dvc repro split", copy)
    first = pd.read_parquet(copy / "data/split.parquet")
    speakers.assign(split=turn.map({0: "dev", 1: "test"}).fillna("train")).to_csv(own, index=False)
    assert stages_run(done("dvc repro split", copy)) == ["split"]
    second = pd.read_parquet(copy / "data/split.parquet")
    assert set(first["key"][first["split"] == "test"]) != set(second["key"][second["split"] == "test"])
    own.unlink()
    (copy / "params.yaml").write_text(right)
    done("dvc repro", copy)


@pytest.mark.parametrize(
    ("settings", "stage", "line"),
    [
        ({"corpus": "data/raw/absent.tar"}, None, "absent.tar"),
        ({"filter": {"groups": {"young": ["teens"], "none": ["nineties"]}}}, "filter", "in 1 groups (young)"),
        ({"split": {"folds": 40}}, "split", "too few for split.folds (40)"),
        ({"split": {"by": "locale"}}, "split", "by is locale, but there are 1, too few"),
        ({"split": {"by": "data/splits/absent.csv"}}, "split", "there is no such file"),
        ({"filter": {"tables": ["validated", "reported"]}}, "filter", "no table 'reported': it has dev, other, test"),
        ({"decode": {"max_rejects": 0.0}}, "decode", "rejects.csv lists them"),
        ({"architectures": {"cnn": {"channels": [4, 4, 4], "dropout": 3.0}}}, "train", "cnn.dropout is 3.0"),
    ],
)
def test_a_mistake_is_one_line(copy, settings, stage, line):
    right = (copy / "params.yaml").read_text()
    change(copy, settings)
    failed = run("dvc repro", copy)
    (copy / "params.yaml").write_text(right)
    assert failed.returncode != 0
    said = [each for each in failed.stderr.splitlines() if line in each]
    assert len(said) == 1, failed.stderr
    assert stage is None or said[0].startswith(f"{stage}: ")
    assert "Traceback" not in failed.stderr
    assert (copy / "data/evaluation/metrics.json").is_file()


def test_after_all_these_mistakes_nothing_has_to_run(copy):
    assert stages_run(done("dvc repro", copy)) == []


def test_a_wrong_architecture_is_answered_with_the_right_ones_before_anything_is_touched(copy):
    before = (copy / "params.yaml").read_text()
    spare_installing(copy)
    failed = run("make exp MODEL=vgg", copy)
    assert failed.returncode != 0
    assert "there is no model 'vgg': allowed are cnn, rnn, bigru, tcn, crnn" in failed.stderr
    assert (copy / "params.yaml").read_text() == before
