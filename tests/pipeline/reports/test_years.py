import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from models.judging.judged import Judged
from pipeline.reports.years import years_table

YEARS = np.array([20.0, 40.0, 70.0])


@pytest.fixture
def judged() -> Judged:
    random = np.random.default_rng(0)
    targets = np.repeat([0, 1, 2], 40)
    probabilities = random.dirichlet([1, 1, 1], 120) + np.eye(3)[targets]
    ages = YEARS[targets] + random.uniform(-5, 5, 120)
    return Judged(probabilities / 2, targets, ages, np.arange(120) // 2)


def row(table, mix: str, ages: str) -> dict:
    return table.set_index(["mix", "ages"]).loc[(mix, ages)].to_dict()


def test_errors_are_those_of_scikit_learn_however_they_are_weighed(judged):
    is_exact, natural = np.arange(120) % 3 == 0, np.array([800, 100, 300])
    table = years_table(judged, YEARS, 30.0, natural, is_exact)
    expected, weights = judged.probabilities @ YEARS, natural[judged.targets] / 40
    for mix, weight in {"as tested": np.ones(120), "natural": weights}.items():
        for ages, rows in {"all": np.ones(120, bool), "stated in years": is_exact}.items():
            told = row(table, mix, ages)
            error = mean_absolute_error(judged.ages[rows], expected[rows], sample_weight=weight[rows])
            still = mean_absolute_error(judged.ages[rows], np.full(rows.sum(), 30.0), sample_weight=weight[rows])
            assert told["mae"] == pytest.approx(error, rel=1e-5)
            assert told["constant_mae"] == pytest.approx(still, rel=1e-5)
            assert told["gain"] == pytest.approx(still - error, rel=1e-4)
            assert told["low"] < told["mae"] < told["high"]
            assert told["clips"] == rows.sum()


def test_without_exact_ages_nothing_is_said_of_them(judged):
    table = years_table(judged, YEARS, 30.0, np.ones(3), np.zeros(120, bool))
    assert list(table["ages"]) == ["all", "all"]
