"""A made-up paper whose tables come from one data set, so that every rule of the audit must pass; and ways to spoil it.

20 countries (8 treated) and 21 years; ordinary least squares with dummies and ordinary standard errors. The placebo
columns use the years before the onset alone, as they should.
"""

from __future__ import annotations

import dataclasses
from statistics import NormalDist

import numpy as np

from bri_bayes.paper import Cell, Printed, Published, load_published
from bri_bayes.paper.records import Descriptive, Fact, Reference

TREATED, CONTROLS, FIRST, LAST, ONSET = 8, 12, 2003, 2023, 2013
COVARIATES = ("lnppl", "lnpgdp", "growth", "lnroaddensity")
MECHANISMS = ("policy", "infrastructure", "et_cooperation", "cultural_exchange")
LEGEND = (1.644854, 1.959964, 2.575829)
# n1 n0 / (n1 + n0) of Table 2: 8 and 12 countries in 10 years, and after matching.
SIZE_BEFORE, SIZE_AFTER = 48.0, 40.0
# name: treated mean, standard deviation, bias before and after in standard deviations.
BALANCE = {
    "export_growth": (0.081, 0.2, 0.25, 0.05),
    "export_volatility": (0.456, 0.3, -0.21, -0.04),
    "export_size_log": (14.2, 1.1, 0.15, 0.03),
}


def made_up_paper(seed: int = 5) -> Published:
    """The paper, every number of it from one data set."""
    shipped = load_published()
    data = made_up_data(seed)
    specifications = {
        key: dataclasses.replace(cell_of, sample="full") if cell_of.sample == "matched" else cell_of
        for key, cell_of in shipped.specifications.items()
    }
    cells, statistics = {}, {}
    for key, regression in specifications.items():
        rows = data["year"] < ONSET if regression.onset not in (None, ONSET) else data["year"] > 0
        estimates, errors, fit = ols(data, regression, rows)
        for name, estimate, error in zip(regression.variables, estimates, errors, strict=True):
            cells[*key, name] = printed_cell(*key, name, estimate, error)
        statistics[*key, "observations"] = Printed(f"{rows.sum():,}")
        if regression.table != 7:
            statistics[*key, "r_squared"] = Printed(f"{fit:.3f}")
    paper = dataclasses.replace(
        shipped, specifications=specifications, cells=cells, statistics=statistics, signatories={}
    )
    return with_text(dataclasses.replace(paper, facts=facts(shipped, data), descriptives=descriptives(shipped)))


def made_up_data(seed: int) -> dict[str, np.ndarray]:
    """Columns of (country-year,) with an effect of 0.5 from 2013 on, weaker where inequality is high."""
    rng = np.random.default_rng(seed)
    n, years = TREATED + CONTROLS, np.arange(FIRST, LAST + 1)
    unit, year = (grid.ravel() for grid in np.meshgrid(np.arange(n), years, indexing="ij"))
    ever = unit < TREATED
    data = {"unit": unit, "year": year}
    for onset, name in ((ONSET, "BRI"), (2012, "BRI_2012"), (2007, "BRI_2007")):
        data[name] = (ever & (year >= onset)).astype(float)

    def series(between, within):
        return rng.normal(0, between, n)[unit] + rng.normal(0, within, unit.size)

    for name, between, within in zip(COVARIATES, (1.5, 1.0, 0.1, 0.8), (0.1, 0.2, 0.3, 0.15), strict=True):
        data[name] = series(between, within) + 0.02 * (year - FIRST)
    data["inequality"] = series(0.3, 0.3)
    data["BRI_x_inequality"] = data["BRI"] * data["inequality"]
    for number, name in enumerate(MECHANISMS):
        data[name] = 0.3 * (number + 1) * data["BRI"] + series(0.3, 0.4)
    common = 0.3 * data["lnppl"] + 0.4 * data["lnpgdp"] + rng.normal(0, 0.1, years.size)[year - FIRST]
    effect = 0.5 * data["BRI"] - 0.2 * data["BRI_x_inequality"]
    for name in ("lnexport", "lnimport"):
        data[name] = 16 + series(0.8, 0.15) + common + effect
    for name in ("flow", "quality_exp", "quality_imp"):
        data[name] = series(0.2, 0.1) + 0.3 * data["BRI"] + 0.05 * data["et_cooperation"] + 0.1 * data["lnpgdp"]
    return data


def ols(data, regression, rows):
    """Estimates, ordinary standard errors and the overall R-squared of a declared regression."""
    columns = [data[name][rows] for name in regression.regressors]
    year, unit = data["year"][rows], data["unit"][rows]
    columns += [(year == cell_of).astype(float) for cell_of in np.unique(year)]
    if regression.unit_effects:
        columns += [(unit == cell_of).astype(float) for cell_of in np.unique(unit)[1:]]
    X, y = np.column_stack(columns), data[regression.outcome][rows]
    inverse = np.linalg.inv(X.T @ X)
    b = inverse @ X.T @ y
    rss = np.sum((y - X @ b) ** 2)
    errors = np.sqrt(rss / (y.size - X.shape[1]) * np.diag(inverse))
    k = len(regression.regressors)
    return b[:k], errors[:k], 1 - rss / np.sum((y - y.mean()) ** 2)


def printed(value, digits=4) -> Printed:
    """A number with so many significant digits, never in exponents."""
    decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(value)))))
    return Printed(f"{value:.{decimals}f}")


def printed_cell(table, column, name, estimate, error) -> Cell:
    value, se = printed(estimate), printed(error)
    stars = sum(abs(value.value / se.value) > bound for bound in LEGEND)
    return Cell(table, column, name, value, se, stars, "made up")


def facts(shipped, data):
    """Facts that the made-up data obey."""
    made = {"country_codes": shipped.facts["country_codes"]}
    for outcome in ("lnexport", "lnimport"):
        sd = float(data[outcome].std())
        made[f"sd_{outcome}"] = Fact(f"sd_{outcome}", sd, 0.8 * sd, 1.25 * sd, "made up", "")
    for name in ("lnppl", "lnpgdp", "growth"):
        share = within_share(data, name)
        made[f"within_share_{name}"] = Fact(f"within_share_{name}", share, share, share, "made up", "")
    return made


def within_share(data, name):
    """What country effects leave of a covariate, over what years, BRI and the other covariates leave."""
    others = [data[other] for other in ("BRI", *COVARIATES) if other != name]
    years = [(data["year"] == cell_of).astype(float) for cell_of in np.unique(data["year"])]
    units = [(data["unit"] == cell_of).astype(float) for cell_of in np.unique(data["unit"])[1:]]
    remaining = []
    for known in ([*others, *years], [*others, *years, *units]):
        X = np.column_stack(known)
        remaining.append(float(np.sum((data[name] - X @ np.linalg.lstsq(X, data[name], rcond=None)[0]) ** 2)))
    return remaining[1] / remaining[0]


def descriptives(shipped):
    """Table 1 as it is, which adds up, and a Table 2 that follows from one sample before matching and one after."""
    made = {key: cell for key, cell in shipped.descriptives.items() if key[0] == 1}
    for name, (treated, sd, before, after) in BALANCE.items():
        for sample, bias, size in (("before", before, SIZE_BEFORE), ("after", after, SIZE_AFTER)):
            p = 2 * (1 - NormalDist().cdf(abs(bias) * size**0.5))
            values = {
                "treated_mean": f"{treated:.3f}",
                "control_mean": f"{treated - bias * sd:.3f}",
                "bias_pct": f"{100 * bias:.1f}",
                "p_value": f"{p:.3f}",
            }
            if sample == "after":
                values["reduction_pct"] = f"{100 * (1 - abs(after / before)):.1f}"
            for column, text in values.items():
                stars = sum(p < level for level in (0.1, 0.05, 0.01)) if column == "p_value" else 0
                cell = Descriptive(2, name, sample, column, Printed(text), stars, "made up")
                made[cell.key] = cell
    return made


def with_text(paper):
    """The text of the made-up paper: the claims of the paper where they hold here, other words where they would not."""
    controls = " ".join(f"C{number}" for number in range(CONTROLS))
    exports, imports = paper.cell(3, 3, "BRI").estimate, paper.cell(3, 6, "BRI").estimate
    flow = paper.cell(5, 1, "BRI")
    interactions = {kind: paper.cell(8, column, "BRI_x_inequality") for column, kind in ((1, "export"), (2, "import"))}
    words = {
        "control_countries": controls,
        "placebo_pool": controls,
        "control_variables": "population pgdp growth infrastructure",
        "matching_covariates": " ".join(BALANCE),
        "outcome_of_the_model": "lnexport lnimport",
        "matching_in_section_3": "kernel nearest radius",
        "main_categories": "electronics electrical computers",
        **{f"interaction_{kind}": "*" * cell.stars for kind, cell in interactions.items()},
    }
    numbers = {
        "treated_countries": str(TREATED),
        "control_countries": str(CONTROLS),
        "placebo_group_size": str(TREATED),
        "placebo_draws": "100",
        "flow_effect": flow.estimate.text,
        **{f"interaction_{kind}": cell.estimate.text for kind, cell in interactions.items()},
        **{f"psm_export_{end}": f"{exports.value + gap:.3f}" for end, gap in (("low", -0.02), ("high", 0.02))},
        **{f"psm_import_{end}": f"{imports.value + gap:.3f}" for end, gap in (("low", -0.02), ("high", 0.02))},
    }
    for name, text in words.items():
        paper = with_statement(paper, name, words=text)
    for name, text in numbers.items():
        paper = with_statement(paper, name, number=text)
    statements = {key: cell_of for key, cell_of in paper.statements.items() if key != "placebo_mean_zero"}
    authors = {
        16: (2011, ("OECD",)),
        17: (2013, ("Khandelwal",)),
        19: (2013, ("赵锦春", "谢建国")),
        20: (2019, ("刘悦",)),
    }
    references = {number: Reference(number, year, names) for number, (year, names) in authors.items()}
    return dataclasses.replace(paper, statements=statements, references=references)


def with_statement(paper, name, *, number=None, words=None):
    """The paper with another number or other words in a statement."""
    old = paper.statements[name]
    new = dataclasses.replace(
        old,
        number=old.number if number is None else Printed(number),
        words=old.words if words is None else tuple(words.split()),
    )
    return dataclasses.replace(paper, statements={**paper.statements, name: new})


def with_cell(paper, table, column, variable, **changes):
    """The paper with another estimate, standard error (texts) or number of stars in a cell."""
    texts = {key: Printed(value) if isinstance(value, str) else value for key, value in changes.items()}
    cell = dataclasses.replace(paper.cell(table, column, variable), **texts)
    return dataclasses.replace(paper, cells={**paper.cells, cell.key: cell})


def with_statistic(paper, table, column, name, text):
    """The paper with another N or R-squared."""
    return dataclasses.replace(paper, statistics={**paper.statistics, (table, column, name): Printed(text)})


def with_rows(paper, text, tables=range(3, 9)):
    """The paper with another number of rows in whole tables."""
    for table, column in paper.specifications:
        if table in tables:
            paper = with_statistic(paper, table, column, "observations", text)
    return paper


def with_descriptive(paper, table, row, column, text, sample="", stars=None):
    """The paper with another number in Table 1 or 2."""
    key = (table, row, sample, column)
    old = paper.descriptives[key]
    new = dataclasses.replace(old, number=Printed(text), stars=old.stars if stars is None else stars)
    return dataclasses.replace(paper, descriptives={**paper.descriptives, key: new})


def with_regression(paper, table, column, **changes):
    """The paper with another declaration of a column."""
    new = dataclasses.replace(paper.regression(table, column), **changes)
    return dataclasses.replace(paper, specifications={**paper.specifications, (table, column): new})
