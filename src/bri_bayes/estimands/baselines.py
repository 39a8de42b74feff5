"""Does the answer hang on which periods before the onset the effect is measured against?

Imputation takes the average of all of them as the baseline of a unit; errors that last weigh those next to the onset
most. Where the treated moved away from the others some periods before the onset, the two are different numbers whatever
the priors. Least squares measures both: from all periods before the onset, and from the last ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bri_bayes.core.json_values import Result
from bri_bayes.design.design import Design
from bri_bayes.frequentist.imputation import fits_in_memory, impute, impute_from_last

# Periods next to the onset: at an autocorrelation of 0.86 of AR(1) errors they have nearly all weight (docs/model.md).
LAST = 3


@dataclass(frozen=True)
class Baselines(Result):
    """The average effect by imputation: against the ``whole`` time before the onset, and the ``last`` periods."""

    whole: float
    last: float
    n_last: int = LAST


def baselines(design: Design) -> Baselines | None:
    """Both effects; None where the rows do not give them."""
    if not fits_in_memory(design):
        return None
    whole, last = impute(design).estimate, impute_from_last(design, LAST).estimate
    return Baselines(whole, last) if math.isfinite(whole + last) else None
