"""What do the rules share? Rows, years and degrees of freedom that the paper states, and names for cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from statistics import NormalDist

from bri_bayes.paper.intervals import Interval
from bri_bayes.paper.records import Cell
from bri_bayes.paper.tables import OBSERVATIONS, Published, Regression

# The two-sided 10% and 5% points of the standard normal: the tables rest on thousands of degrees of freedom.
Z_90, Z_95 = 1.644854, 1.959964


def years(published: Published) -> int:
    """The number of years of the panel, as the tables or the text state it."""
    if published.stated_periods is not None:
        return published.stated_periods
    return int(published.statement("last_year").value - published.statement("first_year").value) + 1


def countries(published: Published) -> int:
    """The number of countries of the panel, as the tables or the text state it: treated and control ones."""
    if published.stated_units is not None:
        return published.stated_units
    return int(published.statement("treated_countries").value + published.statement("control_countries").value)


def units(published: Published, regression: Regression) -> float:
    """The number of units of a balanced panel with the rows that the column states."""
    return published.observations(*regression.key) / years(published)


def parameters(regression: Regression, n_units: float, n_periods: int) -> float:
    """Coefficients of a column: regressors, period effects (with the constant) and unit effects."""
    period = n_periods if regression.period_effects else 1
    return len(regression.regressors) + period + (n_units - 1 if regression.unit_effects else 0)


def residual_df(published: Published, regression: Regression) -> float:
    """Rows less coefficients, for the rows that the column states; 0 where it states fewer rows than coefficients."""
    rows = published.observations(*regression.key)
    return max(rows - parameters(regression, units(published, regression), years(published)), 0.0)


def r_squared(published: Published, regression: Regression) -> Interval | None:
    """What the printed R-squared leaves open; None without one."""
    printed = published.r_squared(*regression.key)
    return None if printed is None else Interval.of(printed)


def unexplained(published: Published, regression: Regression) -> Interval | None:
    """One less R-squared."""
    explained = r_squared(published, regression)
    return None if explained is None else Interval(1.0, 1.0) - explained


def t_of(cell: Cell) -> Interval:
    """The absolute t that the rounding of estimate and standard error leaves open."""
    return Interval(*cell.t_interval).magnitude


def se_of(cell: Cell) -> Interval:
    """The standard error that the rounding leaves open."""
    return Interval.of(cell.se)


def same_rows(published: Published, first: Regression, other: Regression) -> bool:
    """Whether two columns state the same number of rows, if they state it, and have the same effects."""
    effects = (first.unit_effects, first.period_effects) == (other.unit_effects, other.period_effects)
    rows, other_rows = (published.statistics.get((*column.key, OBSERVATIONS)) for column in (first, other))
    return effects and (rows is None or other_rows is None or rows.exact == other_rows.exact)


def comparable(published: Published, *, same_table: bool) -> Iterator[tuple[Regression, Regression]]:
    """Pairs of columns of one outcome with the same rows and effects."""
    for first, other in combinations(published.regressions(), 2):
        if first.outcome == other.outcome and same_rows(published, first, other):
            if same_table and first.table != other.table:
                continue
            yield first, other


def labels(cells: Iterable[Cell]) -> tuple[str, ...]:
    """The names of cells for a reader, each once."""
    return tuple(dict.fromkeys(cell.label for cell in cells))


def two_sided(z: float) -> float:
    """The p-value of a standard normal statistic."""
    return 2 * (1 - NormalDist().cdf(abs(z)))
