"""Which covariates give Table 4, with its fictitious onsets, on the same rows and the same trade as Table 3?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.paper.completion import Equations, nearest_gram
from bri_bayes.paper.rebuild.arrays import combined, products, recoloured, within, without
from bri_bayes.paper.rebuild.covariates import COVARIATES
from bri_bayes.paper.rebuild.rows import Rows, estimates
from bri_bayes.paper.tables import Published, Regression

# The price of half a squared change, in correlations, of how trade moves with BRI from a fictitious onset on. The
# path of the gap between treated and other units follows from the effect and the covariates; Table 4 may bend it a
# little, least of all in 2012, the last year before the onset, to which event studies compare.
BEND_PRICES = {"BRI_2012": 2e4, "BRI_2007": 2e3}
# Correlation of the errors of exports and imports, for the plan only.
ERROR_CORRELATION = 0.3


@dataclass(frozen=True, eq=False)
class _Table4:
    """The regressions of Table 4, and the names of their variables: BRI, fictitious BRI, outcomes, covariates."""

    regressions: tuple[Regression, ...]
    onsets: Mapping[str, int]
    outcomes: tuple[str, ...]

    @property
    def known(self) -> tuple[str, ...]:
        """The columns that the main version has already."""
        return ("BRI", *self.onsets, *self.outcomes)

    @property
    def names(self) -> tuple[str, ...]:
        """All variables, the covariates last."""
        return (*self.known, *COVARIATES)


def planned_products(
    published: Published,
    rows: Rows,
    covariates: Array,
    fits: Mapping[str, Array],
    residual_squares: Mapping[str, float],
) -> dict[str, dict[str, float]]:
    """The products of each outcome with each fictitious BRI, after both effects, that trade is to have.

    ``fits`` : the part of each outcome that Table 8 explains, within; ``residual_squares`` : of the rest.
    Table 4 can hold for many values; these are near to those that follow from ``fits``, with covariates near to the
    main ones.
    """
    table = _table_4(published)
    columns = _known_columns(table, rows, fits)
    every = np.concatenate([columns, within(covariates)])
    expected = products(every, every)
    at = {name: table.names.index(name) for name in table.names}
    size = [np.sqrt(residual_squares[outcome]) for outcome in table.outcomes]
    chosen = [at[outcome] for outcome in table.outcomes]
    shared = np.full((len(chosen), len(chosen)), ERROR_CORRELATION)
    np.fill_diagonal(shared, 1.0)
    expected[np.ix_(chosen, chosen)] += shared * np.outer(size, size)
    soft = {(outcome, name): price for outcome in table.outcomes for name, price in BEND_PRICES.items()}
    solved = _completed(published, table, expected, soft)
    return {
        outcome: {name: float(solved[at[outcome], at[name]]) for name in table.onsets} for outcome in table.outcomes
    }


def placebo_covariates(published: Published, rows: Rows, covariates: Array, trade: Mapping[str, Array]) -> Array:
    """The covariates of the version of Table 4 : (covariate, unit, period).

    Unit and period means are those of the main version. What is left is mixed from BRI, the fictitious BRI and trade,
    in the proportions that the normal equations ask for, and from the main covariates, recoloured to the products
    that remain.
    """
    table = _table_4(published)
    known = _known_columns(table, rows, {name: within(trade[name]) for name in table.outcomes})
    main = within(covariates)
    every = np.concatenate([known, main])
    gram = _completed(published, table, products(every, every), {})
    count = known.shape[0]
    weights = np.linalg.solve(gram[:count, :count], gram[:count, count:])
    rest = gram[count:, count:] - gram[count:, :count] @ weights
    return np.asarray(covariates - main + combined(weights.T, known) + recoloured(without(main, known), rest))


def _table_4(published: Published) -> _Table4:
    regressions = tuple(r for r in published.regressions() if r.table == 4)
    onsets = {f"BRI_{r.onset}": int(r.onset) for r in regressions if r.onset is not None}
    return _Table4(regressions, onsets, tuple(dict.fromkeys(r.outcome for r in regressions)))


def _known_columns(table: _Table4, rows: Rows, outcomes: Mapping[str, Array]) -> Array:
    bri = np.stack([rows.bri, *(rows.since(onset) for onset in table.onsets.values())])
    return np.concatenate([within(bri), np.stack([outcomes[name] for name in table.outcomes])])


def _completed(published: Published, table: _Table4, expected: Array, soft: Mapping[tuple[str, str], float]) -> Array:
    """The products nearest to ``expected`` with which Table 4 holds. Those of known columns stay, but for ``soft``."""
    at = {name: position for position, name in enumerate(table.names)}
    scale = np.sqrt(np.diag(expected))
    rows_u, right, values, weights = [], [], [], []
    unit = np.eye(len(table.names))
    for i, first in enumerate(table.known):
        for second in table.known[: i + 1]:
            pair = (at[first], at[second])
            price = soft.get((first, second), soft.get((second, first), np.inf))
            rows_u.append(unit[pair[0]])
            right.append(unit[pair[1]])
            values.append(expected[pair])
            weights.append(price / float(np.prod(scale[list(pair)])) ** 2)
    for regression in table.regressions:
        b = estimates(published, *regression.key)
        residual = unit[at[regression.outcome]] - sum(
            (value * unit[at[name]] for name, value in b.items()), np.zeros(len(at))
        )
        for name in regression.regressors:
            rows_u.append(unit[at[name]])
            right.append(residual)
            values.append(0.0)
            weights.append(np.inf)
    equations = Equations((np.array(rows_u),), (np.array(right),), np.array(values), np.array(weights))
    solved = nearest_gram([expected], equations)
    if not solved.converged:
        raise InputError("no covariates give Table 4 on this trade")
    return solved.gram[0]
