import numpy as np
import pandas as pd

from models.judging.baselines import from_bands, from_facts, from_shares


def test_the_majority_in_train_wins():
    given = from_shares({"train": np.array([1, 1, 2]), "test": np.zeros(4, int)}, 3)
    np.testing.assert_allclose(given, np.tile([0, 2 / 3, 1 / 3], (4, 1)))


def test_bands_that_differ_between_groups_are_learnt(store):
    rows = {"train": np.arange(0, 40), "val": np.arange(40, 50), "test": np.arange(50, 60)}
    targets = {name: part % 3 for name, part in rows.items()}
    assert (from_bands(store, rows, targets).argmax(axis=1) == targets["test"]).all()


def facts(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(seed)
    target = random.integers(3, size=300)
    middle = {"number": np.where(target == 1, 5.0, random.choice([0.0, 10.0], 300)) + random.random(300)}
    return pd.DataFrame(middle | {"word": np.where(target == 2, "c", random.choice(["a", "b"], 300))}), target


def test_numbers_and_words_are_learnt_whatever_their_shape():
    parts = {name: facts(seed) for seed, name in enumerate(("train", "val", "test"))}
    parts["test"][0].loc[0, "word"] = "never seen"
    given = from_facts(
        {name: rows for name, (rows, _) in parts.items()}, {name: true for name, (_, true) in parts.items()}
    )
    assert given.shape == (300, 3)
    assert (given.argmax(axis=1) == parts["test"][1])[1:].mean() > 0.95
