"""Does a model of levels make panels like this one? Its zeros, and how far a level may move in a year.

Predictive p-values of the share of zeros, of their share among treated rows after the onset, and of the largest change
between neighbouring rows of a unit over the average level, against panels replicated from the posterior
(``inference.level_draws``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import TAILS
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import SAMPLE
from bri_bayes.design.analysis import Fit
from bri_bayes.design.log_link import levels

NAMES: Mapping[str, str] = {
    "zeros": "share of zeros",
    "zeros_treated": "share of zeros among treated rows",
    "largest_change": "largest change of a level over the average level",
}
# A share of panels beyond these is unlike the model.
EXTREME = TAILS


@dataclass(frozen=True)
class LevelCheck(Result):
    """One statistic of the levels and its 95% interval over replicated panels; ``p_value`` : the share as large."""

    statistic: str
    name: str
    observed: float
    lower: float
    upper: float
    p_value: float
    extreme: bool


def level_checks(fit: Fit) -> list[LevelCheck]:
    """A check for each statistic of ``NAMES``; of zeros only where the panel, or the model, has any."""
    design = fit.design
    made = fit.posterior["posterior_predictive"]["y"].transpose(*SAMPLE, ...).to_numpy()
    both = np.vstack([levels(design)[None, :], made.reshape(-1, made.shape[-1])])
    unit_ix, treated = design["unit_ix"].to_numpy(), design["treated"].to_numpy()
    changes = np.abs(np.diff(both, axis=1))[:, np.diff(unit_ix) == 0]
    values = {
        "zeros": (both == 0).mean(axis=1),
        "zeros_treated": (both[:, treated] == 0).mean(axis=1),
        "largest_change": changes.max(axis=1) / both.mean(axis=1),
    }
    return [_check(name, value) for name, value in values.items() if np.ptp(value) > 0]


def _check(name: str, values: Array) -> LevelCheck:
    """The observed value (first) among those of the replicated panels; ties count half."""
    observed, rest = values[0], values[1:]
    p_value = float(((rest > observed).sum() + 0.5 * (rest == observed).sum() + 0.5) / (rest.size + 1))
    lower, upper = np.quantile(rest, TAILS)
    extreme = not EXTREME[0] <= p_value <= EXTREME[1]
    return LevelCheck(name, NAMES[name], float(observed), float(lower), float(upper), p_value, extreme)
