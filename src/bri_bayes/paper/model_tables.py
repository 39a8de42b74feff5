"""What would the models of this project have said in the place of the paper's Tables 5 to 8?

The microdata are not public, so the answer is given on the reconstruction (291 x 21): the printed coefficient, the same
regression on the rebuilt panel, and the posterior of the card ``did`` with the same covariates. It shows what the
models make of data that agree with the printed tables; it is evidence of nothing about trade.

Table 5   the average effect of BRI on flow and the two qualities
Tables 6, 7   the slope of a channel given BRI (the printed regressions leave BRI out), and the effect through it
Table 8   the effect at inequality zero, its slope on inequality, and inequality's own slope
"""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import numpy as np

from bri_bayes.checks.mediation import mediation_values
from bri_bayes.checks.refits import refit
from bri_bayes.checks.slopes import draws_of_fit
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import json_safe
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.panel import Panel, with_columns
from bri_bayes.design.analysis import Analysis
from bri_bayes.frequentist.variance import crv1, iid
from bri_bayes.inference.fitting import fit, is_trustworthy
from bri_bayes.paper.reconstruction import BRI, COLUMNS, VERSIONS, reconstruct
from bri_bayes.paper.replicate import run_regression
from bri_bayes.paper.tables import Published, load_published
from bri_bayes.study.model_card import ModelCard

MODERATION_TABLES, MECHANISM_TABLES = (8,), (5, 6, 7)
_EFFECT, _PRODUCT, _INDEX = "BRI", "BRI_x_inequality", "inequality"


def table_columns(tables: tuple[int, ...]) -> list[tuple[int, int]]:
    """The columns of these tables."""
    return [regression.key for regression in load_published().regressions() if regression.table in tables]


def table_column(table: int, column: int, card: ModelCard, seed: int) -> dict[str, Any]:
    """One column as JSON values: for each variable of interest the printed, the reproduced and the Bayesian answer."""
    published = load_published()
    regression = published.regression(table, column)
    version = next(name for name, holds_on in VERSIONS.items() if (table, column) in holds_on.columns)
    analysis = _analysis(version, regression.outcome, card)
    covariates = tuple(name for name in regression.regressors if name in COLUMNS and name != _INDEX)
    channel = None
    if table in (6, 7):
        channel, covariates = covariates[0], covariates[1:]
    analysis = analysis.replace(card=dataclasses.replace(analysis.card, covariates=covariates))
    if channel is not None:
        mediated = mediation_values(analysis, channel, seed, alone=False)
        posterior = {channel: mediated.channel_slope}
        more = {name: getattr(mediated, name) for name in ("channel_effect", "indirect", "total", "verdict")}
        more["confounder"] = {"vanishes_at": mediated.confounder.vanishes_at}
        trustworthy = mediated.trustworthy
    else:
        posterior, trustworthy = _moderation(analysis, seed) if table == 8 else _effect(analysis, seed)
        more = {}
    rows = _least_squares(published, table, column, version)
    values = {
        "table": table,
        "column": column,
        "outcome": regression.outcome,
        "channel": channel,
        "version": version,
        "rows": [row | {"bayes": posterior[row["variable"]]} for row in rows if row["variable"] in posterior],
        **more,
        "trustworthy": trustworthy,
    }
    return dict(json_safe(values))


def _analysis(version: str, outcome: str, card: ModelCard) -> Analysis:
    panel = _panel(version)
    ever = panel.attrs["ever_treated"]
    units = [str(unit) for unit in panel[UNIT].values]
    onset = panel.attrs["onset"]
    assignment = Assignment({unit: onset if unit in ever else None for unit in units})
    return Analysis(panel, assignment, dataclasses.replace(card, outcome=outcome, modifiers=()))


@cache
def _panel(version: str) -> Panel:
    """A version of the reconstruction with the variables of the regressions, logs where the paper has logs."""
    raw = reconstruct(version)
    numbers = {column.column: raw[column.column].to_numpy() for column in COLUMNS.values()}
    treated = raw[BRI].to_numpy() > 0
    ever = tuple(str(unit) for unit in raw[UNIT].to_numpy()[treated.any(axis=1)])
    onset = int(raw[PERIOD].to_numpy()[treated.any(axis=0)].min())
    panel = with_columns(raw, numbers, COLUMNS, where="reconstruction")
    return panel.assign_attrs(ever_treated=frozenset(ever), onset=onset)


def _effect(analysis: Analysis, seed: int) -> tuple[dict[str, Effect], bool]:
    result = refit(analysis, seed)
    return {_EFFECT: result.att}, result.trustworthy


def _moderation(analysis: Analysis, seed: int) -> tuple[dict[str, Effect], bool]:
    card = analysis.card
    changed = dataclasses.replace(card, covariates=(*card.covariates, _INDEX), modifiers=(_INDEX,))
    result = fit(analysis.replace(card=changed), seed=seed, pointwise=False)
    draws = draws_of_fit(result, _INDEX)
    assert draws.main is not None, "inequality is a covariate of the card"
    at_zero = draws.at_center - draws.slope * draws.center
    parameters = {_EFFECT: at_zero, _PRODUCT: draws.slope, _INDEX: draws.main}
    return {name: Effect.of_draws(values) for name, values in parameters.items()}, is_trustworthy(result)


def _least_squares(published: Published, table: int, column: int, version: str) -> list[dict[str, Any]]:
    """Printed and reproduced coefficient of each regressor, with printed, ordinary and clustered standard errors."""
    regression = published.regression(table, column)
    replication = run_regression(regression, version, reconstruct(version))
    ordinary, clustered = iid(replication.fit).se.to_numpy(), crv1(replication.fit, replication.units).se.to_numpy()
    return [
        {
            "variable": name,
            "published": cell.estimate.value,
            "decimals": cell.estimate.decimals,
            "published_se": cell.se.value,
            "reproduced": float(value),
            "ordinary_se": float(plain),
            "clustered_se": float(robust),
        }
        for name, cell, value, plain, robust in zip(
            regression.regressors,
            published.cells_of(table, column),
            np.asarray(replication.coefficients),
            ordinary,
            clustered,
            strict=True,
        )
    ]
