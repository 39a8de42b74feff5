"""If the published effect were true, would a panel like this show it? Power and size of each test by persistence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from bri_bayes.core.errors import InputError
from bri_bayes.evaluation.power import BAYES, PERSISTENCES, RANDOM_WALK
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.frequentist.many import COLLAPSED_T, TWFE_CLUSTER, TWFE_IID, TWFE_PERMUTATION, TWFE_PUBLISHED
from bri_bayes.presentation import sentences
from bri_bayes.presentation.digits import digits_of_published
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme, wording

# Name, colour, marker, hollow; the colours are those of the figure "comparison".
TESTS: dict[str, tuple[str, str, str, bool]] = {
    BAYES: ("Bayes", theme.BLUE, "o", False),
    TWFE_CLUSTER: ("TWFE, clustered s.e.", theme.VERMILLION, "s", False),
    COLLAPSED_T: ("Before and after, t", theme.VERMILLION, "^", False),
    TWFE_PERMUTATION: ("Permutation", theme.MUTED, "v", True),
    TWFE_IID: ("TWFE, ordinary s.e.", theme.VERMILLION, "s", True),
    TWFE_PUBLISHED: ("TWFE, published s.e.", theme.INK, "D", True),
}
_HEIGHT = 2.9  # inches of a panel
_TITLE_WIDTH = 4.3  # inches of a panel title


@theme.themed
def power(values: Values) -> Figure:
    """A column for each outcome: how often each test finds the published effect, and how often one that is not there.

    The title is the power of the posterior at the published effect, at the persistence that the panel shows; the
    title of a panel adds type M, the titles below are the size of the ordinary and the clustered test there.
    """
    outcomes = {name: outcome for name, outcome in values["outcomes"].items() if outcome.get("power")}
    if not outcomes:
        raise InputError('the figure "power" needs an outcome with "power"; none of the study has it')
    tests = {row["test"] for outcome in outcomes.values() for row in outcome["power"]["rows"]}
    figure = theme.page(
        values,
        _title(values, outcomes),
        _reading(outcomes),
        body=marks.blocks(outcomes) * 2 * _HEIGHT,
        key=[_line([], [], test) for test in TESTS if test in tests],
    )
    for _, outcome, axes, first in marks.each(figure, outcomes, rows=2, sharey="row"):
        answer = outcome["power"]
        for ax, effect, title in zip(
            axes, (answer["effect"], 0.0), (_power_title(outcome), _size_title(outcome)), strict=True
        ):
            _draw(ax, answer, effect)
            theme.panel_title(ax, title, _TITLE_WIDTH, size=theme.SMALL + 0.5)
            if first:
                ax.set_ylabel("Panels with a finding")
        axes[-1].set_xlabel("Autocorrelation of the errors from one period to the next")
    return figure


def _title(values: Values, outcomes: Mapping[str, Any]) -> str:
    units = sentences.counted(len(values["panel"]["units"]), sentences.unit_noun(values))
    shares = [f"{wording.share(_cell(outcome, BAYES)['power'])} ({outcome['label']})" for outcome in outcomes.values()]
    what, it = ("effect", "it") if len(shares) == 1 else ("effects", "them")
    return f"If the published {what} were true, {units} would show {it} in {' and '.join(shares)} of panels"


def _reading(outcomes: Mapping[str, Any]) -> str:
    panels = " or ".join(sorted({f"{outcome['power']['panels']:,}" for outcome in outcomes.values()}))
    spread = " and ".join(sentences.number(outcome["power"]["innovation_sd"], 2) for outcome in outcomes.values())
    return (
        f"Share of {panels} simulated panels, with the rows of this one, in which a test at 5% (Bayes: a 95% interval "
        f"without zero) finds an effect. New errors of a period have the sd that this panel shows: {spread}. "
        "Dashed: 5%. Dotted: the autocorrelation that this panel shows."
    )


def _power_title(outcome: Values) -> str:
    row, effect = _cell(outcome, BAYES), outcome["power"]["effect"]
    text = f"{outcome['label']}, effect {sentences.signed(effect, digits_of_published(effect))}: Bayes finds it in "
    text += wording.share(row["power"])
    if row["type_m"] is None:
        return text
    return f"{text}; what it finds is {sentences.number(row['type_m'], 1)} times the effect on average"


def _size_title(outcome: Values) -> str:
    ordinary, bayes = (wording.share(_cell(outcome, test, effect=0.0)["power"]) for test in (TWFE_IID, BAYES))
    return f"{outcome['label']}, no effect: ordinary standard errors find one in {ordinary}, Bayes in {bayes}"


def _cell(outcome: Values, test: str, *, effect: float | None = None) -> Mapping[str, Any]:
    """The row of a test at the persistence of the panel."""
    answer = outcome["power"]
    rows = [row for row in answer["rows"] if row["test"] == test and row["rho"] == answer["rho"]]
    wanted = answer["effect"] if effect is None else effect
    return next(row for row in rows if row["effect"] == wanted)


def _draw(ax: Axes, answer: Mapping[str, Any], effect: float) -> None:
    ax.axhline(SIGNIFICANCE, color=theme.INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
    ax.axvline(answer["rho"], color=theme.MUTED, linewidth=1.2, linestyle=":", zorder=1.4)
    for test in reversed(TESTS):
        rows = [row for row in answer["rows"] if row["test"] == test and row["effect"] == effect]
        if rows:
            ax.add_line(_line([row["rho"] for row in rows], [row["power"] for row in rows], test))
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    # The persistence of the panel has its own line; a tick beside it would touch another.
    shown_by_panel = {answer["rho"]} - set(PERSISTENCES)
    ticks = sorted({row["rho"] for row in answer["rows"]} - shown_by_panel) or [answer["rho"]]
    ax.set_xticks(ticks, ["random walk" if rho == RANDOM_WALK else f"{rho:g}".replace("-", "−") for rho in ticks])
    ax.set_xlim(min(ticks) - 0.05, max(ticks) + 0.05)
    ax.grid(axis="y")


def _line(rho: Sequence[float], share: Sequence[float], test: str) -> Line2D:
    label, color, marker, hollow = TESTS[test]
    bold = test == BAYES
    look: dict[str, Any] = {
        "color": color,
        "marker": marker,
        "markersize": 6.5 if bold else 5.5,
        "markerfacecolor": "white" if hollow else color,
        "linewidth": 2.4 if bold else 1.3,
        "zorder": 4 if bold else 3,
    }
    return Line2D(rho, share, label=label, **look)
