"""Which exports and imports give Tables 3 and 8 their coefficients, Table 3 its R-squared, PSM-DID its range?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.data.simulation import simulate_errors
from bri_bayes.paper.rebuild.arrays import (
    across,
    combined,
    group_centred,
    moved,
    products,
    stretched,
    unit_means,
    within,
    without,
)
from bri_bayes.paper.rebuild.balance import MILLION, SIZE, Balance
from bri_bayes.paper.rebuild.covariates import BASELINE, COVARIATES, Covariates
from bri_bayes.paper.rebuild.inequality import INDEX, MODERATION, PRODUCT, moderated
from bri_bayes.paper.rebuild.matched import Matching, quoted, years_before
from bri_bayes.paper.rebuild.placebo_years import planned_products
from bri_bayes.paper.rebuild.rows import Rows, estimates, generator
from bri_bayes.paper.tables import Published

OUTCOMES = tuple(BASELINE)
# Exports to and imports from each country (million US dollars), geometric means over the years: rounded orders of
# magnitude, chosen here and copied from no data set.
SIZES: Mapping[str, tuple[float, float]] = {
    "AZE": (600, 100),
    "BLR": (800, 600),
    "KAZ": (4000, 4000),
    "KGZ": (2000, 50),
    "MNG": (1000, 2000),
    "SRB": (500, 150),
    "TJK": (800, 80),
    "TKM": (600, 1000),
    "UZB": (1500, 1000),
}
# Errors are AR(1) in each unit. Innovations of the nine countries are of the size of real goods trade (decision 5),
# those of the other units of the size that the R-squared of Table 3 asks for: the second number is only a start and
# is stretched.
PERSISTENCE, ERROR_CORRELATION = 0.75, 0.3
INNOVATION_SD = {"lnexport": (0.25, 0.5), "lnimport": (0.50, 0.65)}
# Of twenty streams tried, 40 to 59, the one whose nine countries stay closest to the range of real goods trade: log
# exports between 4 and 10, log imports between 2 and 9.5. A typical draw to look at, evidence of nothing.
NOISE_STREAM = 49
# Growth from one year to the next: fast to 2008, the crises of 2009, 2015 and 2020, slower after 2013. That of the nine
# countries; and, before it is stretched to the variance that the R-squared leaves to years, of the mean over all units.
# Mean exports grow as Table 2 says before the onset, and are stretched after it.
GROWTH = (
    0.24, 0.25, 0.26, 0.26, 0.24, -0.03, 0.24, 0.20, 0.12, 0.10,
    0.08, -0.02, 0.02, 0.12, 0.10, 0.04, 0.02, 0.24, 0.12, 0.03,
)  # fmt: skip
# The mean log of imports (million US dollars) before the onset; that of exports is in Table 2, in dollars.
IMPORT_LEVEL = 2.9


@dataclass(frozen=True, eq=False)
class _Problem:
    """What the steps below share. ``within_8`` : the regressors of Table 8 after both effects."""

    published: Published
    rows: Rows
    covariates: Covariates
    matching: Matching
    names_8: tuple[str, ...]
    within_8: Array

    @property
    def balance(self) -> Balance:
        """What Table 2 asks of exports."""
        return Balance(self.published, self.rows, self.matching)

    @property
    def regressors(self) -> Array:
        """BRI and the covariates, as they are : (regressor, unit, period)."""
        return np.concatenate([self.rows.bri[None], self.covariates.columns])

    def coefficients(self, outcome: str, which: int) -> Array:
        """Table 3, column without covariates (0), with (1), with country effects (2) : (regressor,)."""
        printed = estimates(self.published, 3, BASELINE[outcome][which])
        return np.array([printed[name] for name in ("BRI", *COVARIATES) if name in printed])

    def residual_square(self, outcome: str, which: int) -> float:
        """The residual sum of squares that the R-squared of the column asks for."""
        printed = self.published.r_squared(3, BASELINE[outcome][which])
        assert printed is not None, "Table 3 prints an R-squared in every column"
        return (1 - printed.value) * self.covariates.variances[outcome] * self.rows.size

    def fit_8(self, outcome: str) -> Array:
        """What the regressors of Table 8 explain, after both effects : (unit, period)."""
        b = estimates(self.published, 8, MODERATION[outcome])
        return combined(np.array([b[name] for name in self.names_8]), self.within_8)

    def error_square(self, outcome: str) -> float:
        """What Table 8 leaves: the residual of Table 3 less what inequality explains beyond it.

        RSS_8 = RSS_3 - c'Z'M Z c,   Z = (BRI x I, I),   M : residuals on BRI and the covariates
        """
        b = estimates(self.published, 8, MODERATION[outcome])
        at = [self.names_8.index(name) for name in (PRODUCT, INDEX)]
        beyond = without(self.within_8[at], within(self.regressors))
        c = np.array([b[name] for name in (PRODUCT, INDEX)])
        return self.residual_square(outcome, 2) - float(c @ products(beyond, beyond) @ c)


def trade(
    published: Published, rows: Rows, covariates: Covariates, matching: Matching, index: Array
) -> dict[str, Array]:
    """Log exports and imports (million US dollars) by name : (unit, period), in three orthogonal parts.

    Within: X_8 b_8 + e, e orthogonal to X_8; Table 3 (3) and (6) follow, since inequality was solved for that.
    Between: X c + u, u orthogonal to X, with c from G b_2 = G_between c + G_within b_3. Years: a path. The lengths of
    e, u and the path follow from the three R-squared of the outcome. Further conditions on e: the products with the
    fictitious BRI that Table 4 needs, the coefficients of PSM-DID, the same effect as Table 3 (3) or (6) on the nine
    countries alone, without covariates, and the growth of exports in Table 2; on u, their size there.
    """
    names_8, columns_8 = moderated(rows, covariates.columns, index)
    problem = _Problem(published, rows, covariates, matching, names_8, within(columns_8))
    fits = {outcome: problem.fit_8(outcome) for outcome in OUTCOMES}
    residual_squares = {outcome: problem.error_square(outcome) for outcome in OUTCOMES}
    wanted = planned_products(published, rows, covariates.columns, fits, residual_squares)
    noise = _noise(rows)
    values = {}
    for outcome in OUTCOMES:
        path = _path(problem, outcome)
        errors = _Errors(problem, outcome, fits[outcome], residual_squares[outcome], wanted[outcome], path)
        if outcome == "lnexport":
            inside = problem.balance.shaped(
                lambda shape, errors=errors, draws=noise[outcome]: (  # type: ignore[misc]
                    errors.path + errors.fit + errors.solved(problem.balance.noise(draws, shape))
                )
            )
            inside = inside - path
        else:
            inside = fits[outcome] + errors.solved(noise[outcome])
        values[outcome] = path + inside + _between(problem, outcome, inside, path)
    return values


def _noise(rows: Rows) -> dict[str, Array]:
    """AR(1) errors of exports and imports, correlated : (unit, period) each."""
    rng = generator(NOISE_STREAM)
    first, second = (simulate_errors(rng, rows.bri.shape, rho=PERSISTENCE) for _ in OUTCOMES)
    second = ERROR_CORRELATION * first + np.sqrt(1 - ERROR_CORRELATION**2) * second
    country = rows.is_country[:, None]
    return {
        outcome: np.where(country, INNOVATION_SD[outcome][0], INNOVATION_SD[outcome][1]) * draws
        for outcome, draws in zip(OUTCOMES, (first, second), strict=True)
    }


@dataclass(frozen=True, eq=False)
class _Errors:
    """What is asked of e, the errors of Table 8. ``fit`` : the rest of the within part; ``square`` : e'e;
    ``products`` : with the fictitious BRI of Table 4; ``path`` : the mean over units."""

    problem: _Problem
    outcome: str
    fit: Array
    square: float
    products: Mapping[str, float]
    path: Array

    @cached_property
    def conditions(self) -> tuple[Array, Array]:
        """Rows (condition, unit, period), within, and the products (condition,) that e is to have with them."""
        problem, rows = self.problem, self.problem.rows
        fictitious = within(np.stack([rows.since(int(name.rpartition("_")[2])) for name in self.products]))
        among = np.zeros_like(rows.bri)
        among[rows.is_country] = within(rows.bri[rows.is_country])
        effect = problem.coefficients(self.outcome, 2)[0] * products(among[None], among[None])[0]
        psm = quoted(problem.published, self.outcome)
        contrasts = np.stack([problem.matching.contrasts[name] for name in psm])
        asked = [(fictitious, list(self.products.values())), (among[None], effect), (contrasts, list(psm.values()))]
        if self.outcome == "lnexport":
            asked.append(problem.balance.growth_conditions())
        columns = np.concatenate([columns for columns, _ in asked])
        values = np.concatenate([np.asarray(values) for _, values in asked]) - products(columns, self.fit[None])[:, 0]
        zero = np.zeros(len(problem.names_8))
        return np.concatenate([problem.within_8, columns]), np.concatenate([zero, values])

    @cached_property
    def drift(self) -> Array:
        """How the nine countries, all alike, move away from the mean over units : (unit, period)."""
        ahead = np.concatenate([[0.0], np.cumsum(GROWTH)]) - self.path[0]
        return np.asarray(self.problem.rows.is_country[:, None] * (ahead - ahead.mean()))

    def solved(self, noise: Array) -> Array:
        """e : (unit, period). Errors of the nine countries keep their size, those of the others are stretched."""
        rows = self.problem.rows
        conditions, targets = self.conditions
        centred = within(group_centred(noise, rows.ever_treated))
        country = rows.is_country[:, None]
        fixed = moved(within(centred * country + self.drift)[None], conditions, targets[:, None])[0]
        free = without(within(centred * ~country)[None], conditions)[0]
        return stretched(fixed, free, self.square)


def _path(problem: _Problem, outcome: str) -> Array:
    """The mean over units : (unit, period), with the variance that the R-squared without covariates leaves to years.

    TSS = RSS_1 + b_1^2 G_DD + units * sum of squares of the path

    That of exports grows before the onset as Table 2 says, and makes up the rest after it.
    """
    rows, published = problem.rows, problem.published
    b, total = problem.coefficients(outcome, 0)[0], problem.covariates.variances[outcome] * rows.size
    square = total - problem.residual_square(outcome, 0) - b**2 * rows.bri_square
    if square <= 0:
        raise InputError(f"the R-squared of {outcome} on BRI alone leaves no variation to the years; no panel has it")
    before = np.array(rows.years) < rows.onset
    late = np.where(np.array(rows.years)[1:] < rows.onset, 0.0, GROWTH)
    early = np.array(GROWTH) - late
    fixed, free = np.zeros_like(late), np.array(GROWTH)
    if outcome == "lnexport":
        fixed, free = early * problem.balance.growth * (before.sum() - 1) / early.sum(), late
    fixed, free = (np.concatenate([[0.0], np.cumsum(part)]) for part in (fixed, free))
    path = stretched(fixed - fixed.mean(), free - free.mean(), square / len(rows.units))
    if outcome == "lnexport":
        means = [
            published.descriptive(2, "export_size_log", f"{group}_mean", "before").value
            for group in ("treated", "control")
        ]
        share = rows.ever_treated.mean()
        level = share * means[0] + (1 - share) * means[1] - np.log(MILLION)
    else:
        level = IMPORT_LEVEL
    return np.broadcast_to(path - path[before].mean() + level, rows.bri.shape)


def _between(problem: _Problem, outcome: str, inside: Array, path: Array) -> Array:
    """Unit means less the grand mean : (unit, period). Countries have their size, the others are stretched."""
    rows = problem.rows
    columns = problem.regressors
    b_2, b_3 = problem.coefficients(outcome, 1), problem.coefficients(outcome, 2)
    with_years, inner, means = across(columns), within(columns), unit_means(columns)
    gram, gram_inner, gram_means = (products(part, part) for part in (with_years, inner, means))
    explained = combined(np.linalg.solve(gram_means, gram @ b_2 - gram_inner @ b_3), means)
    used = float((inside**2).sum()) + float((explained**2).sum())
    square = problem.residual_square(outcome, 1) + float(b_2 @ gram @ b_2) - used
    at = OUTCOMES.index(outcome)
    country = rows.is_country[:, None]
    random = np.where(country, 0.0, generator(5, at).normal(size=country.shape))
    kept = np.zeros(country.shape)
    reached = (path + explained).mean(axis=1)
    for unit in np.flatnonzero(rows.is_country):
        kept[unit] = np.log(SIZES[rows.units[unit]][at]) - reached[unit]
    conditions = np.concatenate([means[:, :, :1], np.ones((1, *country.shape))])
    targets = np.zeros((conditions.shape[0], 1))
    if outcome == "lnexport":
        weights, sizes = problem.balance.differences(SIZE)
        rest = (explained + inside)[:, years_before(problem.published, rows)].mean(axis=1)
        # The first of them, between the groups before matching, follows from Table 3.
        conditions = np.concatenate([conditions, weights[1:, :, None]])
        targets = np.concatenate([targets, (sizes - weights @ rest)[1:, None]])
    fixed = moved(kept[None], conditions, targets, conditions * ~country)[0]
    free = moved(random[None], conditions, np.zeros_like(targets), conditions * ~country)[0]
    return np.asarray(explained + stretched(fixed, free, square / len(rows.years)))
