"""Years: how far the expected age is from the true one, beside the best constant."""

import numpy as np
import pandas as pd

from models.judging.bootstrap import SpeakerBootstrap, interval
from models.judging.judged import Judged


def years_table(
    judged: Judged, years: np.ndarray, constant: float, natural: np.ndarray, is_exact: np.ndarray
) -> pd.DataFrame:
    """The mean absolute error in years, of the model and of always answering `constant`, with 95 % intervals.

    `years` (groups,) are the ages of the groups. `mix` is the clips as they are, or weighed so that each group has as
    large a share as in `natural` (groups,), the ages of the people in test; papers report the latter. `ages` are all,
    or those stated in years, `is_exact` (clips,).
    """
    errors = {
        "model": np.abs(judged.probabilities @ years - judged.ages),
        "constant": np.abs(constant - judged.ages),
    }
    found = np.bincount(judged.targets, minlength=len(years))
    weight_of_group = np.divide(natural, found, out=np.zeros(len(years)), where=found > 0)
    mixes = {"as tested": np.ones(len(judged.targets)), "natural": weight_of_group[judged.targets]}
    bootstrap, rows = SpeakerBootstrap(judged.speakers), []
    for mix, weights in mixes.items():
        for ages, counts in {"all": np.ones(len(weights)), "stated in years": is_exact}.items():
            if not counts.any():
                continue
            weight = weights * counts
            weighed = {name: (weight * error)[:, None] for name, error in errors.items()}
            sums = bootstrap.sums(weighed | {"weight": weight[:, None]})
            with np.errstate(invalid="ignore", divide="ignore"):
                model, still = (sums[name][:, 0] / sums["weight"][:, 0] for name in errors)
            low, high = interval(model)
            gain_low, gain_high = interval(still - model)
            rows.append(
                {
                    **{"mix": mix, "ages": ages, "clips": int(counts.sum()), "mae": model[0], "low": low, "high": high},
                    **{"constant": constant, "constant_mae": still[0], "gain": still[0] - model[0]},
                    **{"gain_low": gain_low, "gain_high": gain_high},
                }
            )
    return pd.DataFrame(rows)
