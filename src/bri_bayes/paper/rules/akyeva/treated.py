"""Which panel do the standard errors belong to? Treated units, treated years and the spread of the covariates."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bri_bayes.paper.finding import Finding
from bri_bayes.paper.intervals import Interval
from bri_bayes.paper.records import Cell
from bri_bayes.paper.rules.akyeva.basis import BRI, onset, post_share
from bri_bayes.paper.rules.basis import (
    countries,
    labels,
    parameters,
    residual_df,
    se_of,
    unexplained,
    units,
    years,
)
from bri_bayes.paper.rules.rows import columns_beyond
from bri_bayes.paper.tables import Published, Regression

# A share of variance may differ between samples of countries; by more than this factor it is another variable.
MOST_APART = 3.0


def treated_units(published: Published) -> Iterator[Finding]:
    """How many treated units do se, R-squared and N of a column with BRI and year effects alone imply?

    With ordinary standard errors se^2 = (1 - R2) Var(y) / (df Var(D | year)). If a share p of the units is treated in a
    share s of the years, Var(D | year) = p (1 - p) s. So p (1 - p) = (1 - R2) sd^2 / (df s se^2), where sd is the
    standard deviation of the outcome. The paper prints no sd: a range from real trade is used, and the sd that the
    stated number of treated units would need is given.
    """
    for regression in _bare(published):
        spread = published.facts.get(f"sd_{regression.outcome}")
        gap = unexplained(published, regression)
        if spread is None or gap is None:
            continue
        cell, n_units = published.cell(*regression.key, BRI), units(published, regression)
        treated = published.statement("treated_countries").value
        share = post_share(published, onset(published))
        # p (1 - p) for an outcome of variance 1
        product = gap.middle / (residual_df(published, regression) * share * cell.se.value**2)
        needed = {
            f"{treated:g} of {n_units:g} units": _sd(treated / n_units, product),
            f"{treated:g} of {countries(published)} units": _sd_of_stated_panel(published, regression, gap.middle),
        }
        if any(spread.low <= sd <= spread.high for sd in needed.values()):
            continue
        implied = {f"sd {sd:g}": _units_treated(product * sd**2, n_units) for sd in (spread.low, spread.high)}
        yield _treated_units(cell, n_units, treated, implied, needed, (spread.low, spread.high), spread.source)


def _bare(published: Published) -> Iterator[Regression]:
    """Columns of the BRI variable and year effects, and nothing else."""
    for column in published.regressions():
        if (
            column.variables == (BRI,)
            and column.period_effects
            and not column.unit_effects
            and column.onset == onset(published)
        ):
            yield column


def _sd(share_of_units: float, product: float) -> float:
    """The standard deviation of the outcome at which this share of the units is treated."""
    return math.sqrt(share_of_units * (1 - share_of_units) / product)


def _sd_of_stated_panel(published: Published, regression: Regression, gap: float) -> float:
    """The same for the countries and years of the text in place of the stated rows."""
    n_units, n_periods = countries(published), years(published)
    df = n_units * n_periods - parameters(regression, n_units, n_periods)
    share = post_share(published, onset(published))
    se = published.cell(*regression.key, BRI).se.value
    return _sd(published.statement("treated_countries").value / n_units, gap / (df * share * se**2))


def _units_treated(product: float, n_units: float) -> float | None:
    """The smaller number of units with p (1 - p) = ``product``; None where no share of units gives so much."""
    return None if product > 0.25 else n_units * (0.5 - math.sqrt(0.25 - product))


def _treated_units(
    cell: Cell,
    n_units: float,
    treated: float,
    implied: dict[str, float | None],
    needed: dict[str, float],
    spread: tuple[float, float],
    source: str,
) -> Finding:
    counts = [f"{name}: {'no number' if count is None else format(count, '.0f')}" for name, count in implied.items()]
    sds = " and ".join(f"{sd:.2f} ({name})" for name, sd in needed.items())
    return Finding(
        id=f"treated-units-{cell.table}-{cell.column}",
        severity="implausible",
        claim=f"{treated:g} countries are treated.",
        finding=f"With ordinary standard errors the se, R-squared and N of {cell.label} imply a number of treated "
        f"among {n_units:g} units that depends on the spread of the outcome ({'; '.join(counts)}); the stated group "
        f"would need a standard deviation of {sds}, against {spread[0]:g} to {spread[1]:g} in real trade.",
        cells=(cell.label, f"Table {cell.table} ({cell.column}) R2", f"Table {cell.table} ({cell.column}) N"),
        computed={"units": n_units, "treated": implied, "sd_needed": needed, "sd_real": list(spread), "source": source},
    )


def treated_years(published: Published) -> Iterator[Finding]:
    """Which onset do the standard errors of BRI without and with country effects imply?

    With a common onset Var(D | year) = p (1 - p) s and Var(D | year, unit) = p (1 - p) s (1 - s), s the share of
    treated years; covariates can only lower the second. Ordinary standard errors give their ratio without Var(y):
    (1 - R2_a) / (1 - R2_b) * (df_b se_b^2) / (df_a se_a^2) >= 1 / (1 - s).
    """
    share = post_share(published, onset(published))
    rows: list[tuple[Cell, Cell, Interval]] = []
    for bare in _bare(published):
        for full in published.regressions():
            if (full.table, full.outcome, full.unit_effects) == (
                bare.table,
                bare.outcome,
                True,
            ) and BRI in full.variables:
                ratio = _variance_ratio(published, bare, full)
                if ratio is not None and ratio.high < 1 / (1 - share):
                    rows.append((published.cell(*bare.key, BRI), published.cell(*full.key, BRI), ratio))
    if not rows:
        return
    largest = min(1 - 1 / ratio.high for _, _, ratio in rows)
    off = math.sqrt((1 - largest) / (1 - share)) - 1
    first = published.statement("last_year").value + 1 - math.floor(largest * years(published))
    yield Finding(
        id="treated-years",
        severity="unclear",
        claim=f"The first treated year is {onset(published)}.",
        finding="With ordinary standard errors those of BRI without and with country effects allow at most "
        f"{largest:.1%} treated years; from {onset(published)} on it is {share:.1%}, so they fit a variable that "
        f"starts in {first:g} or later, or they are not quite ordinary ({off:.0%} would do). The data or the code "
        "would settle it.",
        cells=labels(cell for pair in rows for cell in pair[:2]),
        computed={
            "least_ratio": 1 / (1 - share),
            "ratios": {f"{a.label} to ({b.column})": [r.low, r.high] for a, b, r in rows},
            "largest_share_of_years": largest,
            "stated_share_of_years": share,
            "first_year": int(first),
            "standard_errors_off": off,
        },
    )


def _variance_ratio(published: Published, bare: Regression, full: Regression) -> Interval | None:
    """Var(D | year) over Var(D | year, unit, covariates) as two columns imply it."""
    gap_bare, gap_full = unexplained(published, bare), unexplained(published, full)
    if gap_bare is None or gap_full is None or published.observations(*bare.key) != published.observations(*full.key):
        return None
    se_bare, se_full = (se_of(published.cell(*column.key, BRI)) for column in (bare, full))
    df = residual_df(published, full) / residual_df(published, bare)
    return gap_bare / gap_full * (se_full.squared / se_bare.squared) * Interval.of(df)


def within_shares(published: Published) -> Iterator[Finding]:
    """How much of each covariate varies within countries, by the standard errors without and with country effects?

    Ordinary standard errors: se_j^2 = s^2 / (spread of x_j that is left after years, other covariates and, in b, the
    countries). With s^2 = (1 - R2) Var(y) N / df the share that country effects leave is
    (1 - R2_b) df_a se_a^2 / ((1 - R2_a) df_b se_b^2), compared with the same share in public data.
    """
    shares: dict[str, dict[str, float]] = {}
    cells: list[Cell] = []
    for pooled in published.regressions():
        for full in published.regressions():
            if pooled.table == full.table and pooled.outcome == full.outcome and _adds_unit_effects(pooled, full):
                for name, value in _shares(published, pooled, full).items():
                    fact = published.facts.get(f"within_share_{name}")
                    if fact is not None and not fact.low / MOST_APART <= value <= fact.high * MOST_APART:
                        shares.setdefault(name, {})[pooled.outcome] = value
                        cells += [published.cell(*column.key, name) for column in (pooled, full)]
    for name, by_outcome in shares.items():
        yield _within_share(published, name, by_outcome, cells)


def _adds_unit_effects(pooled: Regression, full: Regression) -> bool:
    """Whether the columns differ in country effects alone, and have covariates."""
    same = set(pooled.variables) == set(full.variables) and len(pooled.variables) > 1
    return same and full.unit_effects and not pooled.unit_effects


def _shares(published: Published, pooled: Regression, full: Regression) -> dict[str, float]:
    gap_pooled, gap_full = unexplained(published, pooled), unexplained(published, full)
    if (
        gap_pooled is None
        or gap_full is None
        or published.observations(*pooled.key) != published.observations(*full.key)
    ):
        return {}
    variance = gap_full.middle / gap_pooled.middle * residual_df(published, pooled) / residual_df(published, full)
    cells = {name: (published.cell(*pooled.key, name), published.cell(*full.key, name)) for name in full.variables}
    return {name: variance * (a.se.value / b.se.value) ** 2 for name, (a, b) in cells.items()}


def _within_share(published: Published, name: str, by_outcome: dict[str, float], cells: list[Cell]) -> Finding:
    fact = published.fact(f"within_share_{name}")
    values = " and ".join(f"{value:.1%} ({outcome})" for outcome, value in by_outcome.items())
    return Finding(
        id=f"within-share-{name}",
        severity="implausible",
        claim=f"{name} is a covariate of the country panel.",
        finding=f"With ordinary standard errors the two columns leave {values} of the variance of {name} within "
        f"countries; in public data it is {fact.low:.2%} to {fact.high:.2%}: it does not behave like its namesake.",
        cells=labels(cell for cell in cells if cell.variable == name),
        computed={"share": by_outcome, "public": [fact.low, fact.high], "source": fact.source},
    )


def rows_after_matching(published: Published) -> Iterator[Finding]:
    """Does matching change the number of rows?

    Matching leaves out units without a counterpart or gives them weight zero; a sample that keeps every row is the
    sample before matching, unless no unit lies off the common support.
    """
    matched = [column for column in published.regressions() if column.sample == "matched"]
    full = [column for column in published.regressions() if column.sample == "full"]
    rows = {published.observations(*column.key) for column in matched}
    if not rows or rows != {published.observations(*column.key) for column in full}:
        return
    yield Finding(
        id="rows-after-matching",
        severity="unclear",
        claim=f"Table {matched[0].table} uses a sample matched on the propensity score.",
        finding=f"Table {matched[0].table} has {min(rows):,} rows, as many as every table that says nothing of "
        "matching, so no row was left out; the matching weights and the rows off support would settle what was "
        "matched.",
        cells=tuple(f"{column.label} N" for column in (*matched, *full)),
        computed={"matched": sorted(rows), "tables": sorted({column.table for column in (*matched, *full)})},
    )


def units_of_the_world(published: Published) -> Iterator[Finding]:
    """Are there as many countries as the rows need?

    N rows in T years are N / T units of a balanced panel, compared with the country codes of ISO 3166-1 (facts.csv).
    """
    codes = published.fact("country_codes")
    columns = columns_beyond(published, int(codes.high) * years(published))
    if columns:
        stated = max(published.observations(*column.key) for column in columns)
        balanced = stated / years(published)
        yield Finding(
            id="units-of-the-world",
            severity="unclear",
            claim=f"The tables rest on {stated:,} rows of countries and years.",
            finding=f"{stated:,} rows in {years(published)} years are {balanced:g} units, and the world has "
            f"{codes.value:g} country codes: more than countries, as partner lists with areas and aggregates have; "
            "the list of units would settle it.",
            cells=tuple(f"{column.label} N" for column in columns),
            computed={"units": balanced, "country_codes": codes.value, "source": codes.source},
        )
