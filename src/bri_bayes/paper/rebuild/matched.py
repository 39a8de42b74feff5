"""Whom does matching compare on the rebuilt rows, and which conditions on trade put PSM-DID into the quoted ranges?

The score rests on population, income and openness before the policy, never on trade: the matches are known before
trade is solved, and every PSM-DID coefficient is a sum of known weights times trade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.data.simulation import simulate_errors
from bri_bayes.frequentist.matching import Matched
from bri_bayes.paper.matching import QUOTED, matched_units, matching_plan, weighted_two_way
from bri_bayes.paper.rebuild.covariates import COVARIATES
from bri_bayes.paper.rebuild.rows import Rows, generator
from bri_bayes.paper.tables import Published

# Trade over GDP, chosen here: its middle, the lead of treated units (logs), and the deviations of a unit: sd of its
# level, and of AR(1) innovations with this persistence.
OPENNESS, OPENNESS_LEAD = 0.75, 0.4
LEVEL_SD, INNOVATION_SD, PERSISTENCE = 0.45, 0.05, 0.8


@dataclass(frozen=True, eq=False)
class Matching:
    """``openness`` : (unit, period) trade over GDP; ``matches`` : each method's match; ``contrasts`` : method ->
    (unit, period), the PSM-DID coefficient of an outcome is the sum of its products with this."""

    openness: Array
    matches: Mapping[str, Matched]
    contrasts: Mapping[str, Array]

    def weights(self, method: str) -> Array:
        """(unit,)"""
        return np.asarray(self.matches[method].weights.to_numpy())


def matching(published: Published, rows: Rows, covariates: Array) -> Matching:
    """Match the treated units on what they were before the policy. ``covariates`` : (covariate, unit, period)."""
    openness = _openness(rows)
    before = years_before(published, rows)
    named = {**dict(zip(COVARIATES, covariates, strict=True)), "openness": openness}
    means = {name: values[:, before].mean(axis=1) for name, values in named.items()}
    matches = matched_units(matching_plan(), means, rows.ever_treated)
    regressors = np.concatenate([rows.bri[None], covariates])
    contrasts = {
        name: weighted_two_way(rows.bri, regressors, match.weights.to_numpy()).contrast
        for name, match in matches.items()
    }
    return Matching(openness, matches, contrasts)


def quoted(published: Published, outcome: str) -> dict[str, float]:
    """The PSM-DID coefficient that each method is to have."""
    low, high = (published.statement(name).value for name in QUOTED[outcome])
    return {method.name: low + method.place * (high - low) for method in matching_plan().methods}


def years_before(published: Published, rows: Rows) -> slice:
    """The positions of the years that matching uses."""
    first, last = (int(published.statement(name).value) for name in ("first_pre_year", "last_pre_year"))
    return slice(rows.years.index(first), rows.years.index(last) + 1)


def _openness(rows: Rows) -> Array:
    rng = generator(11)
    levels = OPENNESS_LEAD * rows.ever_treated[:, None] + LEVEL_SD * rng.normal(size=(len(rows.units), 1))
    moves = simulate_errors(rng, rows.bri.shape, rho=PERSISTENCE, innovation_sd=INNOVATION_SD)
    return np.asarray(OPENNESS * np.exp(levels + moves))
