from pipeline.experiments import table

RUN = {"run.model": "cnn", "run.features": "logmel", "run.fold": 0.0, "run.seed": 1.0, "run.epochs": 7.0}


def scores(recall: float) -> dict:
    return {"macro_recall": recall, "macro_recall_low": recall - 0.1, "macro_recall_high": recall + 0.1}


def test_the_best_comes_first_and_runs_without_scores_are_left_out():
    shown = [
        {"Experiment": None, "rev": "workspace"} | RUN | scores(0.25),
        {"Experiment": "good", "rev": "1234567"} | RUN | scores(0.5),
        {"Experiment": "queued", "rev": "7654321", "macro_recall": None} | RUN,
        {"Experiment": "failed", "rev": "7654322"},
        {"Experiment": "at work", "rev": "7654323", "State": "Running"} | RUN | scores(0.6),
        {"Experiment": None, "rev": "main", "macro_recall": "!", "macro_recall_low": "!", "run.epochs": "!"},
    ]
    rows = table(shown)
    assert list(rows["experiment"]) == ["good", "workspace"]
    assert rows.loc[0].to_dict() == {
        "experiment": "good",
        "model": "cnn",
        "features": "logmel",
        "fold": "0",
        "seed": "1",
        "epochs": "7",
        "macro recall": "0.500",
        "95 % interval": "0.400 to 0.600",
    }


def test_a_row_says_what_was_run_and_not_what_is_set_now():
    now = {"model": "tcn", "split.fold": 2.0, "train.seed": 5.0, "epochs": 40.0}
    row = table([{"Experiment": None, "rev": "workspace"} | now | RUN | scores(0.5)]).loc[0]
    assert [row[name] for name in ("model", "fold", "seed", "epochs")] == ["cnn", "0", "1", "7"]


def test_a_fact_that_a_run_lacks_is_a_dash():
    given = {"Experiment": "given", "rev": "1234567"} | RUN | {"run.fold": "None"} | scores(0.5)
    older = {"Experiment": "older", "rev": "1234568", "model": "cnn"} | scores(0.4)
    rows = table([given, older]).set_index("experiment")
    assert list(rows.loc["given", ["model", "fold"]]) == ["cnn", "–"]
    assert set(rows.loc["older", ["model", "fold", "seed", "epochs"]]) == {"–"}


def test_nothing_to_show():
    assert table([]).empty
