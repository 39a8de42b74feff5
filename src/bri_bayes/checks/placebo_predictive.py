"""How often would a world without the policy give this estimate? Placebos from the posterior predictive.

Panels without an effect are simulated from the posterior (``null_model``), the whole estimator answers each of them,
and the observed estimate has a place among the answers. Unlike a permutation it needs no second group of units, and it
carries the persistence, the spread and the starting point of this very panel; unlike an interval it does not ask
whether its own model is right about the effect.

Source: Rubin (1984), Annals of Statistics 12(4), doi:10.1214/aos/1176346785; Dawid (1984), JRSS A 147(2),
doi:10.2307/2981683.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bri_bayes.checks.null_model import forecasts, posterior_draws, replicas
from bri_bayes.checks.placebo_space import RECORD
from bri_bayes.checks.placebo_time import share_as_large
from bri_bayes.core.arrays import Array
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.batch import att_of_many


def predictive_values(analysis: Analysis, *, panels: int, seed: int = 0) -> dict[str, Any]:
    """observed, placebos, p_value and n of the forecasts, and under "whole_panel" the same of the replicas."""
    early = _placed(analysis, forecasts(analysis, panels, seed), seed)
    draws = posterior_draws(analysis.design, analysis.card, panels, seed)
    whole = _placed(analysis, replicas(draws, seed, effects=False), seed)
    return {**early, "whole_panel": whole}


def _placed(analysis: Analysis, outcomes: Array, seed: int) -> dict[str, Any]:
    both = np.vstack([analysis.design["y"].to_numpy()[None, :], outcomes])
    found = att_of_many(analysis.design, analysis.card, both, seed=seed)
    columns = {name: found[name].to_numpy() for name in RECORD}
    records = [{name: float(values[i]) for name, values in columns.items()} for i in range(len(both))]
    observed, rest = records[0], records[1:]
    means = np.array([record["mean"] for record in rest])
    return {
        "observed": observed,
        "placebos": [{"label": str(i), "att": record} for i, record in enumerate(rest, start=1)],
        "p_value": share_as_large(observed["mean"], means.tolist()),
        "n": len(rest),
        "khat": float(found["khat"].max()),
        "mean": float(means.mean()),
        "sd": float(means.std(ddof=1)),
        "excluding_zero": int(((columns["lower"][1:] > 0) | (columns["upper"][1:] < 0)).sum()),
    }
