"""How many rows are there? The stated number against countries and years, and the numbers that the cells imply."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bri_bayes.paper.finding import Finding
from bri_bayes.paper.intervals import Interval, common
from bri_bayes.paper.records import Cell
from bri_bayes.paper.rules.basis import (
    comparable,
    countries,
    labels,
    parameters,
    r_squared,
    residual_df,
    t_of,
    unexplained,
    years,
)
from bri_bayes.paper.tables import Published, Regression


def rows_and_countries(published: Published) -> Iterator[Finding]:
    """Is the stated number of rows possible for the stated countries and years?

    A panel of C countries and T years has at most C T rows, less whatever is missing. A greater N needs N / T units.
    """
    most = countries(published) * years(published)
    too_many = columns_beyond(published, most)
    if not too_many:
        return
    stated = sorted({published.observations(*column.key) for column in too_many})
    balanced = stated[-1] / years(published)
    columns = tuple(f"{column.label} N" for column in too_many)
    yield Finding(
        id="rows-and-countries",
        severity="contradiction",
        claim=f"The panel has {countries(published)} countries and {years(published)} years{published.place_of_size}.",
        finding=f"The tables state {stated[-1]:,} rows; {countries(published)} countries in {years(published)} "
        f"years give at most {most}, and {stated[-1]:,} rows would be {balanced:g} units a year.",
        cells=columns,
        computed={"stated": stated, "most": most, "units_if_balanced": balanced},
    )


def columns_beyond(published: Published, most: int) -> list[Regression]:
    """The columns that state more rows."""
    return [column for column in published.regressions() if published.observations(*column.key) > most]


def rows_needed_by_t(published: Published) -> Iterator[Finding]:
    """How many rows must a column have at least, given its t statistics and its R-squared?

    Ordinary standard errors: leaving out one regressor with statistic t raises the unexplained share from 1 - R2 to
    (1 - R2)(1 + t^2 / df), which is at most 1. So df >= t^2 (1 - R2) / R2, whatever the data.
    """
    most = countries(published) * years(published)
    needed: dict[Cell, float] = {}
    for regression in published.regressions():
        fit = r_squared(published, regression)
        if fit is None:
            continue
        coefficients = parameters(regression, countries(published), years(published))
        for cell in published.cells_of(*regression.key):
            rows = t_of(cell).low ** 2 * (1 - fit.high) / fit.high + coefficients
            if rows > most:
                needed[cell] = rows
    if not needed:
        return
    cell, rows = max(needed.items(), key=lambda item: item[1])
    yield Finding(
        id="rows-needed-by-t",
        severity="implausible",
        claim=f"The panel has {countries(published)} countries and {years(published)} years{published.place_of_size}.",
        finding=f"With ordinary standard errors the t of {abs(cell.t):.0f} in {cell.label} and the R-squared of "
        f"its column need at least {rows:,.0f} rows, not {most}: the printed precision is not that of "
        f"{countries(published)} countries.",
        cells=labels(needed),
        computed={"most": most, "rows_needed": {each.label: value for each, value in needed.items()}},
    )


def rows_of_one_table(published: Published) -> Iterator[Finding]:
    """Which number of rows do columns imply that differ in one regressor each?

    Columns a and b add one regressor each to the same others. With ordinary standard errors both give the unexplained
    share of the common part, (1 - R2_a)(1 + t_a^2 / df) = (1 - R2_b)(1 + t_b^2 / df), hence
    df = ((1 - R2_b) t_b^2 - (1 - R2_a) t_a^2) / (R2_b - R2_a). Rounding makes it an interval; all pairs share one df.
    """
    groups: dict[tuple[int, str], list[tuple[Regression, Regression, Interval]]] = defaultdict(list)
    for column, other in comparable(published, same_table=True):
        df = _df_of_pair(published, column, other)
        if df is not None:
            groups[column.table, column.outcome].append((column, other, df))
    for (table, outcome), pairs in groups.items():
        columns = list(dict.fromkeys(column for pair in pairs for column in pair[:2]))
        stated = residual_df(published, columns[0])
        implied = common(df for _, _, df in pairs)
        if implied is not None and stated in implied:
            continue
        yield _rows_of_one_table(published, table, outcome, columns, pairs, implied)


def _df_of_pair(published: Published, column: Regression, other: Regression) -> Interval | None:
    """The degrees of freedom that a pair implies; None where the pair says nothing."""
    extra, theirs = set(column.variables) - set(other.variables), set(other.variables) - set(column.variables)
    gap_one, gap_other = unexplained(published, column), unexplained(published, other)
    if len(extra) != 1 or len(theirs) != 1 or gap_one is None or gap_other is None:
        return None
    if gap_one.middle < gap_other.middle:
        return _df_of_pair(published, other, column)
    t_one, t_other = (t_of(published.cell(*c.key, n)) for c, (n,) in ((column, extra), (other, theirs)))
    excess = gap_other * t_other.squared - gap_one * t_one.squared
    gain = gap_one - gap_other
    if gain.low <= 0:
        # The two fits may be equal: the pair gives a lower bound at most.
        return Interval(excess.low / gain.high, float("inf")) if excess.low > 0 and gain.high > 0 else None
    return excess / gain


def _rows_of_one_table(
    published: Published,
    table: int,
    outcome: str,
    columns: list[Regression],
    pairs: list[tuple[Regression, Regression, Interval]],
    implied: Interval | None,
) -> Finding:
    rows = published.observations(*columns[0].key)
    own_cells = [
        cell for column in columns for cell in published.cells_of(*column.key) if _is_own(cell, columns, published)
    ]
    computed = {
        "stated_df": residual_df(published, columns[0]),
        "implied_df": None if implied is None else [implied.low, implied.high],
        "pairs": {f"({column.column})-({other.column})": [df.low, df.high] for column, other, df in pairs},
    }
    if implied is None:
        sentence = f"no number of rows makes the t and R-squared of the columns of Table {table} agree."
    else:
        column = columns[0]
        balanced = (implied.middle + len(column.regressors)) / (years(published) - 1) + 1
        computed["units_if_balanced"] = balanced
        sentence = (
            f"t and R-squared of Table {table} together imply {implied.low:.0f} to {implied.high:.0f} residual "
            f"degrees of freedom, as of about {balanced:.0f} units in {years(published)} years, where {rows:,} rows "
            f"leave {residual_df(published, column):,.0f}."
        )
    return Finding(
        id=f"rows-of-table-{table}",
        severity="implausible",
        claim=f"Table {table} ({outcome}) has {rows:,} observations.",
        finding=f"With ordinary standard errors {sentence}",
        cells=(*labels(own_cells), *(f"{column.label} R2" for column in columns)),
        computed=computed,
    )


def _is_own(cell: Cell, columns: list[Regression], published: Published) -> bool:
    """Whether only one of the columns has the regressor."""
    return sum(cell.variable in column.variables for column in columns) == 1
