"""Do R-squared and coefficients of columns on the same rows agree with each other?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from bri_bayes.paper.finding import Finding
from bri_bayes.paper.intervals import Interval
from bri_bayes.paper.records import Cell
from bri_bayes.paper.rules.basis import (
    comparable,
    labels,
    r_squared,
    residual_df,
    t_of,
)
from bri_bayes.paper.tables import Published, Regression

# Clustering multiplies ordinary standard errors by a few; a t that is short by more is no matter of the estimator.
WIDEST_ERRORS = 5.0
# Two estimates may be so correlated only if their regressors are nearly one.
MOST_CORRELATED = 0.95


def r_squared_definitions(published: Published) -> Iterator[Finding]:
    """Can one definition of R-squared give both columns?

    Columns a and b have the same outcome, rows and effects; a has one regressor, with statistic t, that b lacks. What
    they share explains at most R2_b, so that regressor alone explains at least (R2_a - R2_b) / (1 - R2_b) of the rest,
    and with ordinary standard errors t^2 >= df (R2_a - R2_b) / (1 - R2_a). Columns of different tables are compared,
    and a t is found too small only where no usual estimator explains it. Where effects are taken out, R2_a can count
    what they explain (overall) and R2_b leave it out (within): the paper would have to say which. Without effects the
    two are one number, and the columns contradict each other.
    """
    rows: list[tuple[Regression, Regression, Cell, float]] = []
    for better, worse in _both_ways(published):
        extra = [name for name in better.regressors if name not in worse.regressors]
        fit_better, fit_worse = r_squared(published, better), r_squared(published, worse)
        if (
            better.table == worse.table
            or len(extra) != 1
            or fit_better is None
            or fit_worse is None
            or fit_better.low <= fit_worse.high
        ):
            continue
        cell = published.cell(*better.key, better.printed.get(extra[0], extra[0]))
        needed = math.sqrt(residual_df(published, better) * (fit_better.low - fit_worse.high) / (1 - fit_better.low))
        if WIDEST_ERRORS * t_of(cell).high < needed:
            rows.append((better, worse, cell, needed))
    for column in dict.fromkeys(r[0] for r in rows):
        yield _definitions(published, [row for row in rows if row[0] == column])


def _both_ways(published: Published) -> Iterator[tuple[Regression, Regression]]:
    for column, other in comparable(published, same_table=False):
        yield from ((column, other), (other, column))


def _definitions(published: Published, rows: list[tuple[Regression, Regression, Cell, float]]) -> Finding:
    better, _, cell, _ = rows[0]
    others = [worse for _, worse, _, _ in rows]
    tables = ", ".join(str(table) for table in dict.fromkeys(column.table for column in others))
    fits = [published.r_squared(*column.key) for column in others]
    lowest = min((fit for fit in fits if fit is not None), key=lambda fit: fit.value)
    needed = max(row[3] for row in rows)
    can_be_two = better.unit_effects or better.period_effects
    return Finding(
        id=f"r-squared-{better.table}-{better.column}",
        severity="unclear" if can_be_two else "contradiction",
        claim=f"{better.label} and Table {tables} explain {better.outcome} on the same rows with the same effects.",
        finding=f"{better.label} has an R-squared of {published.r_squared(*better.key)} and Table {tables} {lowest}; "
        f"one definition of it would need a t of {needed:.0f} for {cell.variable}, whose t is {abs(cell.t):.1f}: "
        + (
            "the first may count what the effects explain and the second not; the definitions would settle it."
            if can_be_two
            else "there are no effects to count or not, so these are two data sets under one name."
        ),
        cells=(cell.label, *(f"{column.label} R2" for column in (better, *others))),
        computed={
            "t": cell.t,
            "t_needed": {worse.label: value for _, worse, _, value in rows},
            "r_squared": {column.label: _value(published, column) for column in (better, *others)},
        },
    )


def _value(published: Published, regression: Regression) -> float | None:
    printed = published.r_squared(*regression.key)
    return None if printed is None else printed.value


def r_squared_falls(published: Published) -> Iterator[Finding]:
    """Does a column with more regressors explain less on the same rows?

    Least squares on more columns leaves no larger residual: R2_long >= R2_short under one definition, within rounding.
    Columns of different tables may be overall and within ones where effects are taken out.
    """
    for short, long in _both_ways(published):
        fit_short, fit_long = r_squared(published, short), r_squared(published, long)
        if not set(short.regressors) < set(long.regressors) or fit_short is None or fit_long is None:
            continue
        if fit_long.high < fit_short.low:
            can_be_two = short.table != long.table and (long.unit_effects or long.period_effects)
            yield Finding(
                id=f"r-squared-falls-{long.table}-{long.column}-{short.table}-{short.column}",
                severity="unclear" if can_be_two else "contradiction",
                claim=f"{long.label} has every regressor of {short.label}, and more, on the same rows.",
                finding=f"R-squared falls from {published.r_squared(*short.key)} to {published.r_squared(*long.key)} "
                "when regressors are added, and least squares cannot: other rows, or another definition.",
                cells=(f"{short.label} R2", f"{long.label} R2"),
                computed={"short": fit_short.middle, "long": fit_long.middle},
            )


def joint_significance(published: Published) -> Iterator[Finding]:
    """Can two added regressors with these t statistics raise R-squared that much?

    With ordinary standard errors the F of the two is (gain / 2) / ((1 - R2_long) / df) and also
    (t1^2 + t2^2 - 2 r t1 t2) / (2 (1 - r^2)), where r is the correlation of the two estimates. The smallest |r| that
    solves the equation is reported; near 1 the two regressors would be one.
    """
    for short, long in _both_ways(published):
        extra = [name for name in long.regressors if name not in short.regressors]
        fit_short, fit_long = r_squared(published, short), r_squared(published, long)
        if not set(short.regressors) < set(long.regressors) or len(extra) != 2 or fit_short is None or fit_long is None:
            continue
        gain = fit_long - fit_short
        cells = [published.cell(*long.key, long.printed.get(name, name)) for name in extra]
        joint = residual_df(published, long) * max(gain.low, 0.0) / (2 * (1 - fit_long.low))
        correlation = _least_correlation(joint, cells[0].t, cells[1].t)
        if correlation > MOST_CORRELATED:
            yield _joint(short, long, cells, joint, correlation, gain)


def _least_correlation(joint: float, first: float, second: float) -> float:
    """The smallest |r| with (t1^2 + t2^2 - 2 r t1 t2) / (2 (1 - r^2)) = F, and 0 where r = 0 gives F or more.

    The quadratic is 2 F r^2 - 2 t1 t2 r + t1^2 + t2^2 - 2 F = 0. A t of no number (0 over 0) says nothing.
    """
    if math.isnan(first) or math.isnan(second) or joint <= (first**2 + second**2) / 2:
        return 0.0
    root = math.sqrt((first * second) ** 2 - 2 * joint * (first**2 + second**2 - 2 * joint))
    return min(abs((first * second + sign * root) / (2 * joint)) for sign in (1, -1))


def _joint(
    short: Regression, long: Regression, cells: list[Cell], joint: float, correlation: float, gain: Interval
) -> Finding:
    names = " and ".join(cell.variable for cell in cells)
    return Finding(
        id=f"joint-significance-{long.table}-{long.column}",
        severity="implausible",
        claim=f"{long.label} is {short.label} with {names} added.",
        finding=f"The higher R-squared of {long.label} is an F of at least {joint:.0f} for {names}, whose t are "
        f"{cells[0].t:.2f} and {cells[1].t:.2f}: with ordinary standard errors the two estimates would have to be "
        f"correlated by {correlation:.3f} or more.",
        cells=(*labels(cells), f"{short.label} R2", f"{long.label} R2"),
        computed={
            "f": joint,
            "t": [cell.t for cell in cells],
            "correlation": correlation,
            "gain": [gain.low, gain.high],
        },
    )
