"""How often does gravity see a policy that is not there? Flows without an effect, by clustered errors and by placebo.

Flows from the model of ``frequentist.gravity`` without a policy: countries with drifting resistance, lasting pairs, a
lognormal shock to each flow with memory (AR(1) in logs, ``memory``), a tenth of the flows zero. Country 0 has treated
partners from the middle year on. Shocks are independent over partners, or a share ``shared`` of the variance of the
shocks to country 0's trade is one that its treated partners have together: neighbours, who fall and rise as one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Index, Mask
from bri_bayes.core.json_values import Result
from bri_bayes.data.simulation import simulate_errors
from bri_bayes.frequentist.gravity import GravityRows, fit_gravity, score_placebo, with_information

# Two-sided at 5%; quantile of a normal, as clusters are many.
LEVEL, CRITICAL = 0.05, 1.96
ZEROS = 0.1
GROUPS = 999


@dataclass(frozen=True)
class Flows:
    """``countries`` and ``years`` of the matrix, how many partners are ``treated``; of shocks sd, memory, share."""

    name: str
    shared: float = 0.0
    memory: float = 0.5
    countries: int = 30
    years: int = 8
    treated: int = 5
    noise: float = 0.5


SITUATIONS = (
    Flows("independent partners"),
    Flows("independent partners, no memory", memory=0.0),
    Flows("treated partners share half of their shocks", shared=0.5),
    Flows("fifteen treated partners", treated=15),
)


@dataclass(frozen=True)
class Rejections(Result):
    """Share of panels without an effect in which a 5% test finds one; ``error_share`` as in ``rejections``."""

    situation: str
    panels: int
    clustered: float
    placebo: float
    error_share: float


def rejections(flows: Flows, panels: int, seed: int) -> Rejections:
    """Tests at 5% over simulated matrices; ``error_share`` : mean clustered s.e. over the sd of the estimates."""
    estimates, errors, placebos = (np.empty(panels) for _ in range(3))
    for panel in range(panels):
        rows, partner, policy = without_effect(flows, np.random.default_rng([seed, panel]))
        fit = fit_gravity(rows)
        estimates[panel], errors[panel] = fit.beta[0], np.sqrt(fit.covariance[0, 0])
        without = dataclasses.replace(rows, Z=rows.Z[:, :0])
        placebos[panel] = score_placebo(
            rows, fit_gravity(without, start=fit.mu).mu, partner, policy,
            np.arange(1, 1 + flows.treated), groups=GROUPS, seed=panel,
        ).p_value  # fmt: skip
    return Rejections(
        situation=flows.name,
        panels=panels,
        clustered=float((np.abs(estimates) > CRITICAL * errors).mean()),
        placebo=float((placebos <= LEVEL).mean()),
        error_share=float(errors.mean() / estimates.std(ddof=1)),
    )


def without_effect(flows: Flows, rng: np.random.Generator) -> tuple[GravityRows, Index, Mask]:
    """Rows of a matrix without an effect; of each the partner of country 0's exports, and whether it is one of them
    from the middle year on."""
    n, years = flows.countries, flows.years
    i, j, t = (grid.ravel() for grid in np.meshgrid(np.arange(n), np.arange(n), np.arange(years), indexing="ij"))
    drift = [rng.normal(0, 1, (n, 1)) + 0.2 * rng.normal(size=(n, years)).cumsum(axis=1) for _ in range(2)]
    shocks = simulate_errors(rng, (n * n, years), rho=flows.memory).reshape(n, n, years)
    together = simulate_errors(rng, (1, years), rho=flows.memory)
    treated = slice(1, 1 + flows.treated)
    shocks[0, treated] = np.sqrt(1 - flows.shared) * shocks[0, treated] + np.sqrt(flows.shared) * together
    shocks *= flows.noise * np.sqrt(1 - flows.memory**2)
    mean = np.exp(drift[0][i, t] + drift[1][j, t] + rng.normal(0, 0.7, (n, n))[i, j] + shocks[i, j, t])
    y = np.where(rng.random(i.size) < ZEROS, 0.0, mean)
    late = (i == 0) & (t >= years // 2)
    Z = (late & (j >= 1) & (j <= flows.treated)).astype(float)[:, None]
    rows = GravityRows(y, Z, i * years + t, j * years + t, i * n + j).take(i != j)
    kept = with_information(rows)
    abroad = np.flatnonzero(i != j)[kept]
    return rows.take(kept), j[abroad], late[abroad]
