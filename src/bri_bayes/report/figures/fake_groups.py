"""How often does a random group of units give an estimate as large as the published one (the paper's Figure 4)?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme
from bri_bayes.report.figures.placebo_marks import real_line
from bri_bayes.report.figures.rebuilt import made_from_tables

_HEIGHT = 3.2  # inches
_STYLES = ("-", (0, (4, 2)))
_BINS = 30


@theme.themed
def fake_groups(values: Values) -> Figure:
    """A panel an outcome: histogram and density of the coefficients of fake groups, a line for each pool.

    The title says how many groups of all units give an estimate as large as the observed one, in absolute value.
    """
    outcomes = values["replication"]["outcomes"]
    first = next(iter(outcomes.values()))["fake_groups"]
    figure = theme.page(
        made_from_tables(values),
        _title(values),
        f"Coefficients of {first['draws']} random groups of {first['treated']} units in the regression of Table 3 (3) "
        "and (6), with a kernel density. Line: the estimate for the treated units. Groups drawn from all units hold "
        "some that are treated; the paper does not say which pool it used.",
        body=_HEIGHT,
        key=[
            keys.line(theme.MUTED, f"groups of {name}", style, 2)
            for name, style in zip(first["pools"], _STYLES, strict=False)
        ],
    )
    for _, outcome, (ax,), _ in marks.each(figure, outcomes):
        fake = outcome["fake_groups"]
        for pool, style in zip(fake["pools"].values(), _STYLES, strict=False):
            ax.hist(pool["estimates"], bins=_BINS, density=True, color=theme.MUTED, alpha=0.16, zorder=2)
            ax.plot(
                pool["density"]["at"],
                pool["density"]["density"],
                color=theme.MUTED,
                linestyle=style,
                linewidth=2,
                zorder=3,
            )
        marks.zero_line(ax, vertical=True)
        top = ax.get_ylim()[1]
        ax.set_ylim(0, top * 1.12)
        treated = f"treated units: {sentences.signed(fake['observed'], 3)}"
        real_line(ax, fake["observed"], treated, theme.VERMILLION)
        shares = ", ".join(f"{100 * pool['as_large']:.0f}% (groups of {name})" for name, pool in fake["pools"].items())
        theme.panel_title(ax, f"{outcome['label']}: as large in {shares}", 4.4)
        ax.set_xlabel("Coefficient, log points")
        marks.no_heights(ax)
    return figure


def caption(values: Values) -> list[str]:
    """The message of the figure, and the mean of the fake coefficients, to which the paper points."""
    means = ", ".join(
        f"{sentences.signed(_of_all_units(outcome)['mean'], 3)} ({_short(outcome)})"
        for outcome in values["replication"]["outcomes"].values()
    )
    return [
        f"{_title(values)}.",
        f"The mean of the fake coefficients is near zero by design, whatever the truth: {means}. Their spread is the "
        "test.",
    ]


def _title(values: Values) -> str:
    outcomes = values["replication"]["outcomes"]
    first = next(iter(outcomes.values()))["fake_groups"]
    shares = " and ".join(
        f"{100 * _of_all_units(outcome)['as_large']:.0f}% ({_short(outcome)})" for outcome in outcomes.values()
    )
    groups = f"{first['draws']} random groups of {first['treated']} units"
    return f"Of {groups}, {shares} give an estimate as large as the treated"


def _of_all_units(outcome: Values) -> Mapping[str, Any]:
    pool: Mapping[str, Any] = outcome["fake_groups"]["pools"]["all units"]
    return pool


def _short(outcome: Values) -> str:
    return str(outcome["label"]).split()[0].lower()
