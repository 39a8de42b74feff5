"""Which controls carry the comparison? Their shares over draws of the match, by way to match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme, wording
from bri_bayes.report.figures.psm_did import WAYS

# Controls that a figure shows: those with the largest mean share.
_MOST = 15


@theme.themed
def match_weights(values: Values) -> Figure:
    """A panel a way to match; controls in the order of their share in the first."""
    methods = _methods(values)
    names = {row["unit"]: row["name"] for row in values["propensity"]["score"]["units"]}
    first = next(iter(methods.values()))["control_weights"]
    units = sorted(first, key=lambda unit: -first[unit]["mean"])[:_MOST]
    figure = theme.page(
        values,
        _title(values),
        "Share of each control in the matched comparison: bars are means over posterior draws of the score, lines 95% "
        "intervals. Beside: the share of draws in which the control has the largest weight. Worth: how many equal "
        "controls the weights are worth.",
        body=0.32 * len(units) + 1.1,
    )
    axes = figure.subplots(1, len(methods), squeeze=False)[0]
    for position, (ax, (method, answer)) in enumerate(zip(axes, methods.items(), strict=True)):
        numbers = {}
        for y, unit in enumerate(units):
            share = answer["control_weights"][unit]
            ax.barh(y, share["mean"], height=0.6, color=theme.BLUE, alpha=0.35)
            marks.dot(ax, y, {end: share[end] for end in ("mean", "lower", "upper")}, theme.BLUE)
            numbers[float(y)] = [wording.share(share["p_largest"])]
        marks.beside(ax, numbers, ("largest",))
        marks.row_axis(ax, {float(y): names.get(unit, unit) for y, unit in enumerate(units)}, show=position == 0)
        ax.set_xlim(0, 1.02)
        ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        worth = sentences.number(answer["effective_controls"]["mean"], 1)
        title = f"{WAYS.get(method, method)} (worth {worth})"
        theme.panel_title(ax, title, 2.6, size=theme.SMALL + 0.5, pad=marks.HEADINGS)
        ax.set_xlabel("Share of the comparison")
    return figure


def caption(values: Values) -> list[str]:
    """Who carries the weight, and in how many draws nobody can be matched."""
    texts = [f"{_title(values)}."]
    for method, answer in _methods(values).items():
        if answer["p_no_match"] > 0:
            share = wording.share(answer["p_no_match"])
            texts.append(f"{WAYS.get(method, method)}: in {share} of draws no treated unit has a match.")
    return texts


def _methods(values: Values) -> Mapping[str, Any]:
    first = next(iter(values["propensity"]["outcomes"].values()))
    return {method: answer for method, answer in first["methods"].items() if answer["control_weights"]}


def _title(values: Values) -> str:
    method, answer = next(iter(_methods(values).items()))
    names = {row["unit"]: row["name"] for row in values["propensity"]["score"]["units"]}
    weights = answer["control_weights"]
    top = max(weights, key=lambda unit: weights[unit]["p_largest"])
    share = wording.share(weights[top]["p_largest"])
    worth = sentences.number(answer["effective_controls"]["mean"], 1)
    return (
        f"{names.get(top, top)} has the largest weight in {share} of draws; the {len(weights)} controls are worth "
        f"{worth} ({WAYS.get(method, method).lower()})"
    )
