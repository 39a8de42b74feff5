"""Does DID on matched units give coefficients in the range that the paper quotes, and what is left unbalanced?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.names import PERIOD
from bri_bayes.data.panel import Panel
from bri_bayes.frequentist.estimate import t_test
from bri_bayes.paper.matching import QUOTED, Plan, matched_units, matching_plan, weighted_two_way
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.rebuild.balance import VARIABLES, pooled_spread, unit_statistics
from bri_bayes.paper.reconstruction import BRI
from bri_bayes.paper.replicate import variable
from bri_bayes.paper.tables import Published

BASELINE = {"lnexport": (3, 3), "lnimport": (3, 6)}
_DIGITS = 6


def psm_did(published: Published, panel: Panel) -> list[dict[str, Any]]:
    """An entry an outcome and method: the coefficient of BRI in the regression of Table 3 (3) or (6), weighted by the
    match, its clustered standard error, p-value (t, units - 1), and whether it lies in the quoted range."""
    plan = matching_plan()
    matches = _matched(published, panel, plan)
    entries = []
    for outcome, key in BASELINE.items():
        regression = published.regression(*key)
        regressors = np.stack([variable(panel, name, regression.onset) for name in regression.regressors])
        low, high = (published.statement(name).number for name in QUOTED[outcome])
        assert low is not None, "the text quotes a range"
        assert high is not None, "the text quotes a range"
        for method in plan.methods:
            weights = matches[method.name].weights.to_numpy()
            fit = weighted_two_way(variable(panel, outcome), regressors, weights)
            p, _, _ = t_test(fit.effect, fit.se, int((weights > 0).sum()) - 1)
            entries.append(
                {
                    "outcome": outcome,
                    "method": method.name,
                    "rule": _said(method.rule.__dict__, method.rule.method),
                    "estimate": round(fit.effect, _DIGITS),
                    "se": round(fit.se, _DIGITS),
                    "p_value": round(p, _DIGITS),
                    "low": low.value,
                    "high": high.value,
                    "inside": low.interval[0] <= fit.effect <= high.interval[1],
                    "matched_treated": int(matches[method.name].matched_treated.size),
                    "matched_controls": int(matches[method.name].matched_controls.size),
                }
            )
    return entries


def balance_table(published: Published, panel: Panel) -> list[dict[str, Any]]:
    """Table 2 on a panel: an entry a printed cell, beside the same statistic of the panel.

    Means of units, weighted by the match of Table 2 after it; bias by the formula of its note, with the spreads before
    matching; reduction by its formula; p of a t-test with equal variances over units, with the weights as frequencies
    after matching.
    """
    plan = matching_plan()
    matched = _matched(published, panel, plan)[plan.balance]
    ever, weights = matched.treated.to_numpy(), matched.weights.to_numpy()
    units = unit_statistics(variable(panel, "lnexport"), _before(published, panel))
    entries = []
    for name in VARIABLES:
        values, spread = units[name], pooled_spread(units[name], ever)
        bias: dict[str, float] = {}
        for sample, w in (("before", np.ones_like(weights)), ("after", weights)):
            means = [float(np.average(values[group], weights=w[group])) for group in (ever, ~ever)]
            bias[sample] = 100 * (means[0] - means[1]) / spread
            cells = {"treated_mean": means[0], "control_mean": means[1], "bias_pct": bias[sample]}
            if sample == "after":
                cells["reduction_pct"] = 100 * (abs(bias["before"]) - abs(bias["after"])) / abs(bias["before"])
            cells["p_value"] = _p_value(values, ever, w)
            for column, value in cells.items():
                printed = published.descriptive(2, name, column, sample)
                entries.append(
                    {
                        "table": 2,
                        "variable": name,
                        "sample": sample,
                        "column": column,
                        "published": printed.value,
                        "decimals": printed.decimals,
                        "reproduced": round(value, _DIGITS),
                        "agrees": printed.agrees(value),
                    }
                )
    return entries


def cannot_be_matched(published: Published, panel: Panel) -> dict[str, float]:
    """Spread of log exports that the bias of Table 2 implies, and that of the panel over units."""
    gap = [published.descriptive(2, VARIABLES[2], f"{g}_mean", "before").value for g in ("treated", "control")]
    bias: Printed = published.descriptive(2, VARIABLES[2], "bias_pct", "before")
    ever = panel[BRI].to_numpy().max(axis=1) > 0
    size = unit_statistics(variable(panel, "lnexport"), _before(published, panel))[VARIABLES[2]]
    return {
        "implied": round(abs(gap[0] - gap[1]) / abs(bias.value / 100), 3),
        "panel": round(pooled_spread(size, ever), 3),
    }


def _matched(published: Published, panel: Panel, plan: Plan) -> Mapping[str, Any]:
    before = _before(published, panel)
    means = {name: variable(panel, name)[:, before].mean(axis=1) for name in plan.covariates}
    return matched_units(plan, means, panel[BRI].to_numpy().max(axis=1) > 0)


def _before(published: Published, panel: Panel) -> slice:
    years = panel[PERIOD].to_numpy().tolist()
    first, last = (int(published.statement(name).value) for name in ("first_pre_year", "last_pre_year"))
    return slice(years.index(first), years.index(last) + 1)


def _p_value(values: Array, ever: Any, weights: Array) -> float:
    """Two-sided p of a t-test with equal variances; weights count as frequencies, normalised in each group."""
    means, squares, sizes = [], [], []
    for group in (ever, ~ever):
        w = weights[group] * (weights[group] > 0).sum() / weights[group].sum()
        means.append(float(np.average(values[group], weights=w)))
        squares.append(float((w * (values[group] - means[-1]) ** 2).sum()))
        sizes.append(float(w.sum()))
    freedom = sum(sizes) - 2
    se = math.sqrt(sum(squares) / freedom * (1 / sizes[0] + 1 / sizes[1]))
    return t_test(means[0] - means[1], se, round(freedom))[0]


def _said(rule: Mapping[str, Any], method: str) -> str:
    said = {
        "kernel": f"{rule['kernel']} kernel, bandwidth {rule['bandwidth']:g}",
        "nearest": f"{rule['neighbours']} nearest neighbour, with replacement",
        "radius": f"radius {rule['radius']:g}",
    }
    return f"{said[method]}, common support"
