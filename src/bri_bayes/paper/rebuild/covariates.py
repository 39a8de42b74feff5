"""Which population, income, growth and road density give Table 3 its coefficients without and with country effects?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.data.simulation import simulate_errors
from bri_bayes.paper.rebuild.arrays import across, group_centred, products
from bri_bayes.paper.rebuild.rows import Rows, estimates, generator
from bri_bayes.paper.tables import Published

COVARIATES = ("lnppl", "lnpgdp", "growth", "lnroaddensity")
# Table 3: the columns of each outcome without covariates, with covariates, and with covariates and country effects.
BASELINE = {"lnexport": (1, 2, 3), "lnimport": (4, 5, 6)}

# Rounded orders of magnitude, chosen here and copied from no data set: population (millions), GDP per capita (2015 US
# dollars).
SIZES: Mapping[str, tuple[float, float]] = {
    "AZE": (8, 2000),
    "BLR": (10, 3000),
    "KAZ": (15, 6000),
    "KGZ": (5, 800),
    "MNG": (2.5, 2000),
    "SRB": (7.5, 4000),
    "TJK": (6.5, 600),
    "TKM": (5, 2500),
    "UZB": (25, 1400),
}
# The middle of the logs of population, income and road density (km per 100 square km) of units that are never
# treated, at the onset, and their yearly growth.
CENTRES = {"lnppl": (15.9, 0.012), "lnpgdp": (8.0, 0.010), "lnroaddensity": (3.0, 0.012)}
# Deviations of a unit: sd of its level, of its own yearly trend, and of AR(1) innovations with this persistence.
SPREADS = {
    "lnppl": (1.2, 0.007, 0.004, 0.90),
    "lnpgdp": (0.62, 0.016, 0.035, 0.85),
    "lnroaddensity": (0.8, 0.005, 0.012, 0.80),
}
# The nine countries move by this share of that.
COUNTRY_SHARE = 0.5
# Large units are a little poorer.
LEVEL_CORRELATION = -0.2
# The world's business cycle in log income: the crises of 2009 and 2020 and what followed.
CYCLE = {2009: -0.04, 2010: 0.02, 2020: -0.05, 2021: 0.03}
# How fast treated units gain on the others, a year; that of income is solved for. And their lead in roads after the
# onset.
GAINS = {"lnppl": 0.002, "lnroaddensity": 0.003}
ROAD_LEAD = 0.3


@dataclass(frozen=True, eq=False)
class Covariates:
    """``columns`` : (covariate, unit, period); ``variances`` : by outcome, over all rows, that Table 3 then has."""

    columns: Array
    variances: Mapping[str, float]


def covariates(published: Published, rows: Rows) -> Covariates:
    """The four covariates of the main version.

    Free: almost everything. Fixed: (1) the lead of treated units after the onset in population and income, so that both
    outcomes have the coefficients of BRI without and with covariates; (2) their gain in income, so that exports have
    the gap of Table 2 before the onset; (3) the spread of unit levels in population and income, so that the R-squared
    of both columns hold together with the variance of the outcome that the standard error of the first implies.

        (1)  G_DD (b1 - b2) = sum_j G_Dj b2_j        (3)  b2'G b2 - b1^2 G_DD = (R2_2 - R2_1) TSS

    G : products after year effects, D : BRI. Growth is the change of log population plus log income, one more year
    first.
    """
    variances = {outcome: _variance(published, rows, columns[0]) for outcome, columns in BASELINE.items()}
    leads, gains = _leads(published, rows)
    years = np.array([rows.years[0] - 1, *rows.years])
    paths = {name: _path(rows, years, name, leads[name], gains[name]) for name in CENTRES}
    at_onset = {name: path[:, years == rows.onset][:, 0] for name, path in paths.items()}
    levels, moves = _levels(rows, at_onset), _moves(rows, years.size)

    def columns_of(scale_of_population: float, scale_of_income: float) -> Array:
        scales = {"lnppl": scale_of_population, "lnpgdp": scale_of_income, "lnroaddensity": 1.0}
        values = {name: paths[name] + scales[name] * levels[name][:, None] + moves[name] for name in CENTRES}
        growth = np.diff(values["lnppl"] + values["lnpgdp"], axis=1)
        return np.stack([values[name][:, 1:] if name in values else growth for name in COVARIATES])

    scales = _scales(published, rows, columns_of, variances)
    return Covariates(columns_of(*scales), variances)


def _variance(published: Published, rows: Rows, column: int) -> float:
    """The variance of the outcome that standard error and R-squared of a column with BRI alone imply.

    se^2 = RSS / (n - years - 1) / G_DD for an ordinary standard error, and RSS = (1 - R2) TSS.
    """
    se, r_squared = published.cell(3, column, "BRI").se.value, _r_squared(published, column)
    return se**2 * (rows.size - len(rows.years) - 1) * rows.bri_square / (1 - r_squared) / rows.size


def _leads(published: Published, rows: Rows) -> tuple[dict[str, float], dict[str, float]]:
    """The lead of treated units after the onset, mean over years, and their gain a year, by covariate.

    Unknown are the gain in income and the leads in population and income; growth leads by the sum of the two gains.
    The effect of Table 3 (3) and the gains between the middles of the two periods make up the gap's change.
    """
    b = {outcome: [estimates(published, 3, column) for column in columns] for outcome, columns in BASELINE.items()}
    first, _, last = b["lnexport"]
    years = np.array(rows.years)
    distance = years[years >= rows.onset].mean() - years[years < rows.onset].mean()
    before = [
        published.descriptive(2, "export_size_log", f"{group}_mean", "before").value for group in ("treated", "control")
    ]
    change = first["BRI"] - (before[0] - before[1]) - last["BRI"]
    gains = dict(GAINS)
    gains["lnpgdp"] = (change / distance - sum(last[name] * gain for name, gain in GAINS.items())) / last["lnpgdp"]
    leads = {"growth": gains["lnppl"] + gains["lnpgdp"], "lnroaddensity": ROAD_LEAD}
    both = [
        (full, alone["BRI"] - full["BRI"] - sum(full[name] * lead for name, lead in leads.items()))
        for alone, full, _ in b.values()
    ]
    solved = np.linalg.solve([[full["lnppl"], full["lnpgdp"]] for full, _ in both], [rest for _, rest in both])
    return {**leads, "lnppl": float(solved[0]), "lnpgdp": float(solved[1])}, gains


def _path(rows: Rows, years: Array, name: str, lead: float, gain: float) -> Array:
    """The mean of the own group : (unit, period)."""
    centre, trend = CENTRES[name]
    since = years - rows.onset
    common = centre + trend * since
    if name == "lnpgdp":
        common = common + np.cumsum([CYCLE.get(int(year), 0.0) for year in years])
    ahead = lead + gain * (since - since[years >= rows.onset].mean())
    return np.asarray(common + rows.ever_treated[:, None] * ahead)


def _levels(rows: Rows, at_onset: Mapping[str, Array]) -> dict[str, Array]:
    """The level of each unit less the mean of its group, ``at_onset``, there : (unit,)."""
    rng = generator(1)
    draws = {name: rng.normal(size=len(rows.units)) for name in CENTRES}
    draws["lnpgdp"] = LEVEL_CORRELATION * draws["lnppl"] + np.sqrt(1 - LEVEL_CORRELATION**2) * draws["lnpgdp"]
    levels = {name: SPREADS[name][0] * values for name, values in draws.items()}
    for country in rows.countries:
        millions, income = SIZES[country]
        at = rows.units.index(country)
        levels["lnppl"][at] = np.log(1e6 * millions) - at_onset["lnppl"][at]
        levels["lnpgdp"][at] = np.log(income) - at_onset["lnpgdp"][at]
    return {name: group_centred(values[:, None], rows.ever_treated)[:, 0] for name, values in levels.items()}


def _moves(rows: Rows, periods: int) -> dict[str, Array]:
    """Own trends and AR(1) noise around the level and the path of the group : (unit, period)."""
    rng, moves = generator(2), {}
    since = np.arange(periods) - periods // 2
    for name, (_, trend, innovation, rho) in SPREADS.items():
        noise = simulate_errors(rng, (len(rows.units), periods), rho=rho, innovation_sd=innovation)
        noise = noise + trend * rng.normal(size=(len(rows.units), 1)) * since
        noise[rows.is_country] *= COUNTRY_SHARE
        moves[name] = group_centred(noise - noise[:, 1:].mean(axis=1, keepdims=True), rows.ever_treated)
    return moves


def _scales(
    published: Published, rows: Rows, columns_of: Callable[[float, float], Array], variances: Mapping[str, float]
) -> Array:
    from scipy.optimize import root

    targets, weights = [], []
    for outcome, (alone, full, _) in BASELINE.items():
        b_alone, b_full = estimates(published, 3, alone)["BRI"], estimates(published, 3, full)
        share = _r_squared(published, full) - _r_squared(published, alone)
        targets.append(share * variances[outcome] * rows.size + b_alone**2 * rows.bri_square)
        weights.append(np.array([b_full[name] for name in ("BRI", *COVARIATES)]))

    def missing(scales: Array) -> list[float]:
        columns = across(np.concatenate([rows.bri[None], columns_of(*scales)]))
        gram = products(columns, columns)
        return [float(b @ gram @ b) / target - 1 for b, target in zip(weights, targets, strict=True)]

    solved = root(missing, np.ones(2), tol=1e-12)
    if np.abs(missing(solved.x)).max() > 1e-9:
        raise InputError(f"no spread of population and income gives the R-squared of Table 3: {solved.message}")
    return np.asarray(solved.x)


def _r_squared(published: Published, column: int) -> float:
    printed = published.r_squared(3, column)
    assert printed is not None, "Table 3 prints an R-squared in every column"
    return printed.value
