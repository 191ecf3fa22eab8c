"""Checkout: where the project lies, from a copy of it too (also paths.py)."""

from pathlib import Path

from pipeline.running.checkout import main_checkout


def test_in_place_paths_stay_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main_checkout() / "data" == Path("data")


def test_a_copy_of_an_experiment_or_of_the_queue_knows_what_it_was_made_of(tmp_path, monkeypatch):
    for copy in (".dvc/tmp/exps/standalone/tmp1", ".dvc/tmp/exps/tmp2"):
        (tmp_path / copy).mkdir(parents=True)
        monkeypatch.chdir(tmp_path / copy)
        assert main_checkout() == tmp_path
