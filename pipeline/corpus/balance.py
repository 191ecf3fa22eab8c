"""Balance: equal groups from as many speakers as possible. Rows have `speaker`, `group` and a random `order`."""

import pandas as pd


def seeded_order(keys: pd.Series, seed: int) -> pd.Series:
    """A random number for each key, which depends on the key and the seed alone, not on the order of rows."""
    return pd.Series(pd.util.hash_array(keys.to_numpy(object), hash_key=f"{seed:016d}"), keys.index)


def turn_within(rows: pd.DataFrame, columns: list[str]) -> pd.Series:
    """Each row's place, from 0, among those with the same `columns`, in random order."""
    return rows.sort_values("order").groupby(columns, observed=True).cumcount().reindex(rows.index)


def is_surplus(rows: pd.DataFrame, share: int, of: str = "group") -> pd.Series:
    """True for the rows beyond `share` in each group. Every speaker's first clip is kept before anyone's second."""
    turns = rows.assign(turn=turn_within(rows, ["speaker", of])).sort_values(["turn", "order"])
    return turns.groupby(of, observed=True).cumcount().reindex(rows.index) >= share


def rarest(groups: pd.Series) -> int:
    """The number of clips in the rarest group that has any."""
    counts = groups.value_counts()
    return int(counts[counts > 0].min()) if counts.any() else 0
