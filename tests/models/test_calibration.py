import numpy as np
import pytest
from scipy.special import softmax

from models.calibration import fit_temperature, reliability, tempered


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_applied_is_found(temperature):
    random = np.random.default_rng(0)
    logits = 2 * random.standard_normal((20_000, 4))
    true = (random.random((20_000, 1)) > softmax(logits, axis=1).cumsum(axis=1)).sum(axis=1)
    off = softmax(temperature * logits, axis=1)
    assert fit_temperature(off, true) == pytest.approx(temperature, rel=0.03)


def test_tempering_is_a_softmax_of_divided_logits_and_keeps_the_order():
    logits = np.random.default_rng(0).standard_normal((50, 5))
    probabilities = softmax(logits, axis=1)
    given = tempered(probabilities, 1.7)
    np.testing.assert_allclose(given, softmax(logits / 1.7, axis=1), atol=1e-9)
    np.testing.assert_array_equal(given.argsort(axis=1), probabilities.argsort(axis=1))
    np.testing.assert_allclose(tempered(probabilities, 1.0), probabilities, atol=1e-9)


def test_certainty_stays_finite():
    given = tempered(np.array([[1.0, 0.0, 0.0]]), 0.05)
    assert np.isfinite(given).all()
    assert fit_temperature(np.eye(3), np.array([0, 1, 0])) > 1  # one in three is wrong: soften


def test_reliability_of_a_worked_example():
    # 0.62 and 0.66 share a bin (0.6 to 0.667), and one of them is right; 0.9 is alone, and right.
    probabilities = np.array([[0.62, 0.38], [0.66, 0.34], [0.1, 0.9]])
    table = reliability(probabilities, np.array([0, 1, 1]))
    assert table["confidence"].tolist() == pytest.approx([0.64, 0.9])
    assert table["accuracy"].tolist() == [0.5, 1.0]
    assert table["clips"].tolist() == [2, 1]
