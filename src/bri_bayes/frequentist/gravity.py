"""What does a structural gravity equation say of a policy that ties one country to others?

    E[x_ijt] = exp(a_it + b_jt + c_ij + z_ijt'beta)

x_ijt : exports of i to j in year t, zeros included; a_it and b_jt are multilateral resistance, that is whatever raises
all exports of i or all imports of j in a year (size, prices, an oil boom); c_ij is all that is lasting between two
countries. beta is estimated by Poisson pseudo-maximum likelihood. Each Newton step (iteratively reweighted least
squares) is weighted least squares of a working outcome on z and all effects; the effects are absorbed by the sparse
kernel, so a million rows need some hundred megabytes. Standard errors are clustered by pair.

Source: Anderson & van Wincoop (2003), doi:10.1257/000282803321455214; Santos Silva & Tenreyro (2006),
doi:10.1162/rest.88.4.641; Correia, Guimaraes & Zylkin (2020), doi:10.1177/1536867X20909691, for the algorithm; with
three sets of effects estimates and standard errors have a bias that falls with the number of countries (Weidner &
Zylkin 2021, doi:10.1016/j.jinteco.2021.103513).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import GateError, InputError
from bri_bayes.frequentist.ols import codes, group_sums
from bri_bayes.frequentist.sparse_fixed_effects import SparseEffects

MOST_STEPS = 100
# The deviance that a step changes by, as a share: the effects are solved loosely before the first, and the fit ends
# at the second, with coefficients that move no more than the third.
CLOSE, CONVERGED, STILL = 1e-3, 1e-9, 1e-7
LOOSELY, CLOSELY = 1e-4, 1e-9
# A zero whose mean is a smaller share of the mean of all rows is fitted by a mean of zero: it is separated.
VANISHED = 1e-7
# What is left of a column after the effects, as a share of its squares: less is rounding.
NOTHING = 1e-9
# A deviance a row (of mean flow one) that is rounding: the means are the flows.
EXACT = 1e-9
# A log mean is kept within this of the largest: e^-60 of it is nothing.
DEEPEST = 60.0


@dataclass(frozen=True, eq=False)
class GravityRows:
    """``y`` : (n,) flows from 0 on; ``Z`` : (n, k) the policy; the others : (n,) positions from 0."""

    y: Array
    Z: Array
    exporter_year: Index
    importer_year: Index
    pair: Index

    @property
    def sets(self) -> tuple[Index, Index, Index]:
        """Pairs first: the most levels."""
        return self.pair, self.exporter_year, self.importer_year

    def take(self, kept: NDArray[np.bool_]) -> GravityRows:
        """Some of the rows, the levels of the effects counted anew."""
        exporter_year, importer_year, pair = (
            codes(at[kept]) for at in (self.exporter_year, self.importer_year, self.pair)
        )
        return GravityRows(self.y[kept], self.Z[kept], exporter_year, importer_year, pair)


@dataclass(frozen=True, eq=False)
class GravityFit:
    """``beta`` : (k,) log points; ``covariance`` : (k, k), clustered by pair; ``mu`` : (n,) the means of the rows.

    ``vanished`` : zeros that a mean of zero fits, which tell nothing of beta.
    """

    beta: Array
    covariance: Array
    mu: Array
    n_pairs: int
    vanished: int
    steps: int


@dataclass(frozen=True)
class Placebo:
    """The real group's excess of flows over their means without the policy, as a share; ``p_value`` : the share of
    groups whose excess is as large, ``groups`` of which were compared, the real one included."""

    excess: float
    p_value: float
    groups: int


def with_information(rows: GravityRows) -> NDArray[np.bool_]:
    """Rows whose pair, exporter-year and importer-year all have a positive flow : (n,); a mean of zero fits others."""
    kept = np.ones(rows.y.size, dtype=bool)
    while True:
        alive = kept.copy()
        for at in rows.sets:
            alive &= (np.bincount(at, rows.y * kept) > 0)[at]
        if (alive == kept).all():
            return kept
        kept = alive


def fit_gravity(rows: GravityRows, start: Array | None = None) -> GravityFit:
    """Poisson pseudo-maximum likelihood with the three sets of effects; ``start`` : means (n,) to begin from.

    Every level of an effect needs a positive flow (``with_information``). Raises InputError where the effects explain
    a column of Z completely, and GateError where the iterations do not end.
    """
    scale = float(rows.y.mean())
    y = rows.y / scale
    eta = np.log((y + 1) / 2 if start is None else np.maximum(start / scale, math.exp(-DEEPEST)))
    deviance, solved = math.inf, LOOSELY
    starts: list[Array | None] = [None] * (1 + rows.Z.shape[1])
    beta = np.zeros(rows.Z.shape[1])
    for step in range(1, MOST_STEPS + 1):
        mu = np.exp(eta)
        effects = SparseEffects(*rows.sets, weights=mu)
        columns = [eta + (y - mu) / mu, *rows.Z.T]
        residuals = []
        for at, column in enumerate(columns):
            residuals.append(effects.residuals(column, start=starts[at], solved=solved))
            starts[at] = effects.solution
        working, Z = residuals[0], np.reshape(residuals[1:], (-1, y.size)).T
        hessian = Z.T @ (mu[:, None] * Z)
        _refuse_absorbed(hessian, mu, rows.Z)
        before, beta = beta, np.linalg.solve(hessian, Z.T @ (mu * working))
        eta = columns[0] - working + Z @ beta
        eta = np.maximum(eta, eta.max() - DEEPEST)
        last, deviance = deviance, _deviance(y, np.exp(eta))
        change = abs(last - deviance) / max(deviance, EXACT * y.size)
        if solved == CLOSELY and change < CONVERGED and np.abs(beta - before).max(initial=0.0) < STILL:
            return _finished(rows, beta, Z, hessian, np.exp(eta), scale, step)
        if change < CLOSE:
            solved = CLOSELY
    raise GateError(
        f"Poisson pseudo-maximum likelihood has not converged in {MOST_STEPS} steps: is the effect infinite?"
    )


def _deviance(y: Array, mu: Array) -> float:
    positive = y > 0
    return float(2 * ((y[positive] * np.log(y[positive] / mu[positive])).sum() - (y - mu).sum()))


def _refuse_absorbed(hessian: Array, mu: Array, Z: Array) -> None:
    whole = (mu[:, None] * Z**2).sum(axis=0)
    if (np.diag(hessian) <= NOTHING * whole).any() or np.linalg.matrix_rank(hessian) < len(hessian):
        raise InputError(
            "exporter-year, importer-year and pair effects explain the policy completely: it needs countries that "
            "trade with treated and with other countries, before and after the onset"
        )


def _finished(
    rows: GravityRows, beta: Array, Z: Array, hessian: Array, mu: Array, scale: float, steps: int
) -> GravityFit:
    """The covariance of beta clustered by pair,

        c H^-1 (sum_p s_p s_p') H^-1,   s_p = sum_{r in p} z~_r (y_r - mu_r),   c = G / (G - 1) (n - 1) / (n - K)

    with z~ the columns that the effects leave. K counts beta and all levels of the effects but those of pairs, which
    are nested in the clusters: the factor of fixest and pyfixest.
    """
    y = rows.y / scale
    scores = group_sums(Z * (y - mu)[:, None], rows.pair)
    n_pairs = int(rows.pair.max()) + 1
    spent = beta.size + int(rows.exporter_year.max()) + int(rows.importer_year.max()) + 1
    factor = n_pairs / (n_pairs - 1) * (y.size - 1) / max(y.size - spent, 1)
    bread = np.linalg.inv(hessian)
    return GravityFit(
        beta=beta,
        covariance=factor * bread @ scores.T @ scores @ bread,
        mu=mu * scale,
        n_pairs=n_pairs,
        vanished=int(((y == 0) & (mu < VANISHED)).sum()),
        steps=steps,
    )


def score_placebo(
    rows: GravityRows, mu: Array, partner: Index, policy: NDArray[np.bool_], treated: Index, *, groups: int, seed: int
) -> Placebo:
    """Is the excess of the treated partners large among random groups of as many partners?

        excess of a group = sum (y - mu) / sum mu over the rows ``policy`` of its partners,

    ``mu`` : (n,) means of a fit without the policy; ``policy`` : (n,) rows of the country and period in question with
    any partner; ``partner`` : (n,) who it is, and ``treated`` those that the policy has. The excess is the score of
    the policy over its information: the first Newton step from no effect, but for what the effects of the year take
    of it. Clusters by pair are many, but treated pairs are few, and then clustered errors are too small (MacKinnon &
    Webb 2018, doi:10.1111/ectj.12107); here every group of partners has the same chance.
    """
    over = np.bincount(partner[policy], rows.y[policy] - mu[policy])
    expected = np.bincount(partner[policy], mu[policy])
    able = np.flatnonzero(expected > 0)
    among = np.searchsorted(able, np.intersect1d(treated, able))
    rng = np.random.default_rng([seed, 7])
    drawn = np.argsort(rng.random((groups, able.size)), axis=1)[:, : among.size]
    excess = over[able][drawn].sum(axis=1) / expected[able][drawn].sum(axis=1)
    real = float(over[able][among].sum() / expected[able][among].sum())
    as_large = int((np.abs(excess) >= abs(real)).sum())
    return Placebo(real, (1 + as_large) / (1 + groups), 1 + groups)
