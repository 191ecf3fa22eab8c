from pipeline.experiments import table

SETTINGS = {"model": "cnn", "split.fold": 0.0, "train.seed": 1.0, "epochs": 7.0}


def scores(recall: float) -> dict:
    return {"macro_recall": recall, "macro_recall_low": recall - 0.1, "macro_recall_high": recall + 0.1}


def test_the_best_comes_first_and_what_has_no_scores_is_left_out():
    shown = [
        {"Experiment": None, "rev": "workspace"} | SETTINGS | scores(0.25),
        {"Experiment": "good", "rev": "1234567"} | SETTINGS | scores(0.5),
        {"Experiment": "queued", "rev": "7654321", "macro_recall": None} | SETTINGS,
        {"Experiment": "failed", "rev": "7654322"} | SETTINGS,
        {"Experiment": "at work", "rev": "7654323", "State": "Running"} | SETTINGS | scores(0.6),
        {"Experiment": None, "rev": "main", "macro_recall": "!", "macro_recall_low": "!", "epochs": "!"},
    ]
    rows = table(shown)
    assert list(rows["experiment"]) == ["good", "workspace"]
    assert rows.loc[0].to_dict() == {
        "experiment": "good",
        "model": "cnn",
        "fold": "0",
        "seed": "1",
        "macro recall": "0.500",
        "95 % interval": "0.400 to 0.600",
        "epochs": "7",
    }


def test_nothing_to_show():
    assert table([]).empty
