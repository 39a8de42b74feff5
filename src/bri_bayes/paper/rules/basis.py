"""What do the rules share? Rows, years and degrees of freedom that the paper states, and names for cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from statistics import NormalDist

from bri_bayes.paper.intervals import Interval
from bri_bayes.paper.records import Cell
from bri_bayes.paper.tables import Published, Regression

BRI = "BRI"


def years(published: Published) -> int:
    """The number of years of the panel, from the text."""
    return int(published.statement("last_year").value - published.statement("first_year").value) + 1


def countries(published: Published) -> int:
    """Treated and control countries, from the text."""
    return int(published.statement("treated_countries").value + published.statement("control_countries").value)


def onset(published: Published) -> int:
    """The first treated year, from the text."""
    return int(published.statement("onset").value)


def post_share(published: Published, first_treated: int) -> float:
    """The share of the years from ``first_treated`` on."""
    return (published.statement("last_year").value - first_treated + 1) / years(published)


def units(published: Published, regression: Regression) -> float:
    """The number of units of a balanced panel with the rows that the column states."""
    return published.observations(*regression.key) / years(published)


def parameters(regression: Regression, n_units: float, n_periods: int) -> float:
    """Coefficients of a column: regressors, period effects (with the constant) and unit effects."""
    period = n_periods if regression.period_effects else 1
    return len(regression.regressors) + period + (n_units - 1 if regression.unit_effects else 0)


def residual_df(published: Published, regression: Regression) -> float:
    """Rows less coefficients, for the rows that the column states."""
    rows = published.observations(*regression.key)
    return rows - parameters(regression, units(published, regression), years(published))


def r_squared(published: Published, regression: Regression) -> Interval | None:
    """What the printed R-squared leaves open; None without one."""
    printed = published.r_squared(*regression.key)
    return None if printed is None else Interval.of(printed)


def unexplained(published: Published, regression: Regression) -> Interval | None:
    """One less R-squared."""
    found = r_squared(published, regression)
    return None if found is None else Interval(1.0, 1.0) - found


def t_of(cell: Cell) -> Interval:
    """The absolute t that the rounding of estimate and standard error leaves open."""
    return Interval(*cell.t_interval).magnitude


def se_of(cell: Cell) -> Interval:
    """The standard error that the rounding leaves open."""
    return Interval.of(cell.se)


def headline(published: Published, outcome: str) -> Regression | None:
    """The column that the paper's claim rests on: the first with BRI, its own onset and country effects."""
    found = (
        regression
        for regression in published.regressions()
        if regression.outcome == outcome and regression.unit_effects and BRI in regression.regressors
    )
    return next(found, None)


def headlines(published: Published) -> tuple[Regression, ...]:
    """The headline column of each outcome for which the text claims an effect."""
    outcomes = published.statement("outcomes_of_the_tables").words
    return tuple(found for outcome in outcomes if (found := headline(published, outcome)) is not None)


def fake_onsets(published: Published, outcome: str) -> tuple[Regression, ...]:
    """The columns of an outcome whose BRI starts in another year than the text says."""
    return tuple(
        regression
        for regression in published.regressions()
        if regression.outcome == outcome and regression.onset not in (None, onset(published))
    )


def same_rows(published: Published, one: Regression, other: Regression) -> bool:
    """Whether two columns state the same number of rows and have the same effects."""
    effects = (one.unit_effects, one.period_effects) == (other.unit_effects, other.period_effects)
    return effects and published.observations(*one.key) == published.observations(*other.key)


def comparable(published: Published, *, same_table: bool) -> Iterator[tuple[Regression, Regression]]:
    """Pairs of columns of one outcome with the same rows and effects."""
    for one, other in combinations(published.regressions(), 2):
        if one.outcome == other.outcome and same_rows(published, one, other):
            if same_table and one.table != other.table:
                continue
            yield one, other


def labels(cells: Iterable[Cell]) -> tuple[str, ...]:
    """The names of cells for a reader, each once."""
    return tuple(dict.fromkeys(cell.label for cell in cells))


def two_sided(z: float) -> float:
    """The p-value of a standard normal statistic."""
    return 2 * (1 - NormalDist().cdf(abs(z)))
