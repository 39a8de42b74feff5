"""Which variance estimator is behind each table, and do the standard errors agree with each other?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from statistics import median

from bri_bayes.paper.finding import Finding
from bri_bayes.paper.intervals import Interval, common
from bri_bayes.paper.records import Cell, over
from bri_bayes.paper.rules.basis import (
    comparable,
    labels,
    residual_df,
    same_rows,
    se_of,
    unexplained,
)
from bri_bayes.paper.tables import Published, Regression

# A slip of the decimal point: ten times too large or too small.
TENFOLD = (Interval.of(10.0), Interval.of(0.1))
# Between columns of one table a ratio of standard errors moves by some percent; this far from the others it is a slip.
SLIP = Interval(7.0, 14.0)


def decimal_slips(published: Published) -> Iterator[Finding]:
    """Is a standard error ten times too small or too large against another outcome of the same regressors?

    Ordinary standard errors: se_j = s * sqrt((X'X)^-1_jj) and X is the same, so the ratio of two outcomes' standard
    errors is s / s', the same for every regressor. Where all but one agree within rounding and that one agrees after a
    shift of the decimal point, it is a slip, or the regressor has another scale in one of the columns.
    """
    slips: dict[str, list[tuple[Cell, Cell]]] = defaultdict(list)
    for first_column, other in _two_outcomes(published):
        ratios = _ratios(published, first_column, other)
        for name in _tenfold(ratios):
            slips[name].append((published.cell(*first_column.key, name), published.cell(*other.key, name)))
    for name, pairs in slips.items():
        first, second = pairs[0]
        columns = (published.regression(cell.table, cell.column) for cell in (first, second))
        others = common(ratio for key, ratio in _ratios(published, *columns).items() if key != name)
        assert others is not None, "a slip is seen against others that agree"
        meant = others.middle * second.se.value
        yield Finding(
            id=f"decimal-slip-{name}",
            severity="contradiction",
            claim=f"{first.label} is {first.estimate} with a standard error of {first.se}.",
            finding=f"In {len(pairs)} pairs of columns with the same regressors the standard errors have one ratio "
            f"of {others.low:.2f} to {others.high:.2f}, but those of {name} are ten times off: {meant:.4f} was "
            f"meant, with t = {over(abs(first.estimate.value), meant):.2f} and no star, or the estimate is off by ten "
            "too.",
            cells=labels(cell for pair in pairs for cell in pair),
            computed={
                "ratio_of_the_others": [others.low, others.high],
                "ratios": {f"{a.label} to {b.label}": over(a.se.value, b.se.value) for a, b in pairs},
                "se_meant": meant,
                "t_printed": first.t,
                "t_if_the_estimate_is_right": over(first.estimate.value, meant),
            },
        )


def _two_outcomes(published: Published) -> Iterator[tuple[Regression, Regression]]:
    """Columns of one table with the same regressors, rows and effects, and different outcomes."""
    for column, other in combinations(published.regressions(), 2):
        twins = (
            column.table == other.table and column.outcome != other.outcome and column.regressors == other.regressors
        )
        if twins and same_rows(published, column, other):
            yield column, other


def _ratios(
    published: Published, column: Regression, other: Regression, *, names: Iterable[str] | None = None
) -> dict[str, Interval]:
    """Standard error of ``column`` over that of ``other`` by variable; one printed as 0 has no ratio."""
    variables = column.variables if names is None else names
    errors = {name: [se_of(published.cell(*key, name)) for key in (column.key, other.key)] for name in variables}
    return {name: first / second for name, (first, second) in errors.items() if first.low > 0 and second.low > 0}


def _tenfold(ratios: Mapping[str, Interval]) -> list[str]:
    """The variables whose ratio meets that of all others only after a shift of the decimal point."""
    shifted = []
    for name, ratio in ratios.items() if len(ratios) > 2 else ():
        others = common(other for key, other in ratios.items() if key != name)
        if others is None or ratio.meets(others):
            continue
        if any((ratio * shift).meets(others) for shift in TENFOLD):
            shifted.append(name)
    return shifted


def misprinted_neighbours(published: Published) -> Iterator[Finding]:
    """Is a standard error ten times off against the other columns of its table?

    Columns of one outcome share their other regressors. From column to column the standard errors of these move by
    about the same factor (that of s, and a little for collinearity); one that moves ten times more is a slip.
    """
    suspects: dict[tuple[int, str], dict[Cell, list[float]]] = defaultdict(lambda: defaultdict(list))
    for column, other in comparable(published, same_table=True):
        shared = [name for name in column.variables if name in other.variables]
        errors = {name: [published.cell(*key, name).se.value for key in (column.key, other.key)] for name in shared}
        ratios = {name: first / second for name, (first, second) in errors.items() if first and second}
        if len(ratios) < 3:
            continue
        for name, ratio in ratios.items():
            usual = median(value for key, value in ratios.items() if key != name)
            if ratio / usual in SLIP:
                wrong, right, factor = column, other, usual
            elif usual / ratio in SLIP:
                wrong, right, factor = other, column, 1 / usual
            else:
                continue
            meant = factor * published.cell(*right.key, name).se.value
            suspects[wrong.table, name][published.cell(*wrong.key, name)].append(meant)
    for (table, name), cells in suspects.items():
        yield _misprinted(table, name, cells)


def _misprinted(table: int, name: str, cells: Mapping[Cell, list[float]]) -> Finding:
    columns = ", ".join(f"({cell.column})" for cell in cells)
    printed = next(iter(cells)).se
    meant = median(value for values in cells.values() for value in values)
    return Finding(
        id=f"misprint-{table}-{name}",
        severity="contradiction",
        claim=f"The standard error of {name} in Table {table} {columns} is {printed}.",
        finding=f"The standard error {printed} of {name} in Table {table} {columns} has its decimal point in the wrong "
        f"place: the other columns and the other regressors put it at {meant:.3f}.",
        cells=labels(cells),
        computed={cell.label: {"printed": cell.se.value, "implied": median(values)} for cell, values in cells.items()},
    )


def variance_estimator(published: Published) -> Iterator[Finding]:
    """Do all tables use one variance estimator?

    The ratio of two outcomes' standard errors is the same for every regressor if they are ordinary (decimal_slips).
    How far the ratios of a pair of columns spread, largest over smallest, tells ordinary from robust or clustered.
    """
    spreads: dict[int, dict[str, float]] = defaultdict(dict)
    ordinary: dict[int, bool] = {}
    for column, other in _two_outcomes(published):
        ratios = _ratios(published, column, other)
        kept = {name: ratio for name, ratio in ratios.items() if name not in _tenfold(ratios)}
        if len(kept) < 3:
            continue
        middles = [ratio.middle for ratio in kept.values()]
        spreads[column.table][f"({column.column})/({other.column})"] = max(middles) / min(middles)
        ordinary[column.table] = ordinary.get(column.table, True) and common(kept.values()) is not None
    if len(set(ordinary.values())) < 2:
        return
    widest = {table: max(pairs.values()) for table, pairs in spreads.items()}
    exact = " and ".join(f"{table}" for table, same in ordinary.items() if same)
    others = ", ".join(f"{widest[table]:.2f} in Table {table}" for table, same in ordinary.items() if not same)
    yield Finding(
        id="variance-estimator",
        severity="unclear",
        claim="The paper names no variance estimator.",
        finding=f"The standard errors of Tables {exact} have one ratio between outcomes, as ordinary ones must; "
        f"those of the others spread by a factor of {others}: not one estimator, and the code would settle which.",
        cells=tuple(f"Table {table} {pair}" for table, pairs in spreads.items() for pair in pairs),
        computed={"spread": {f"Table {table}": pairs for table, pairs in spreads.items()}},
    )


def precision_gained(published: Published) -> Iterator[Finding]:
    """Does adding regressors make a standard error smaller than the fit allows?

    Adding regressors cannot lower (X'X)^-1_jj, so with ordinary standard errors
    se_long / se_short >= sqrt((1 - R2_long) / (1 - R2_short) * df_short / df_long) for every shared regressor.
    """
    shrunk: dict[Cell, tuple[float, float]] = {}
    for short, long in _nested(published):
        gap_short, gap_long = unexplained(published, short), unexplained(published, long)
        df_short, df_long = residual_df(published, short), residual_df(published, long)
        if gap_short is None or gap_long is None or gap_short.low <= 0 or not df_long:
            continue
        bound = math.sqrt(max((gap_long / gap_short).low, 0.0) * df_short / df_long)
        for name, ratio in _ratios(published, long, short, names=short.variables).items():
            if ratio.high < bound:
                shrunk[published.cell(*long.key, name)] = (ratio.middle, bound)
    if not shrunk:
        return
    worst = min(shrunk, key=lambda cell: shrunk[cell][0])
    tables = sorted({cell.table for cell in shrunk})
    yield Finding(
        id="precision-gained",
        severity="implausible",
        claim=f"Table {', '.join(map(str, tables))} adds regressors to an earlier specification on the same rows.",
        finding="With ordinary standard errors adding regressors could shrink none below "
        f"{shrunk[worst][1]:.2f} of its size, and that of {worst.label} shrinks to {shrunk[worst][0]:.2f}: not the "
        "same rows, or not the same estimator.",
        cells=labels(shrunk),
        computed={cell.label: {"ratio": ratio, "least": bound} for cell, (ratio, bound) in shrunk.items()},
    )


def _nested(published: Published) -> Iterable[tuple[Regression, Regression]]:
    """Pairs of columns on the same rows of which the second has all regressors of the first and more."""
    for column, other in comparable(published, same_table=False):
        for short, long in ((column, other), (other, column)):
            if set(short.regressors) < set(long.regressors):
                yield short, long
