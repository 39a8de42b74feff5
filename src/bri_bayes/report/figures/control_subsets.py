"""Does the answer hang on which controls are in? Every set of controls, sorted, with a dot for each control in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from bri_bayes.presentation import sentences
from bri_bayes.presentation.control_sentences import subset_sentence
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.figures import rows, theme, wording
from bri_bayes.report.figures.rows import Row

ROW = 0.235  # inches


def caption(values: Values) -> list[str]:
    """The range over sets and the control that moves the estimate most, for each outcome."""
    return [
        subset_sentence(values, outcome, sentences.decimals(values["outcomes"][name]))
        for name, outcome in _outcomes(values).items()
    ]


@theme.themed
def control_subsets(values: Values) -> Figure:
    """A block for each outcome: dots say which controls are in, beside them the estimate of that set."""
    outcomes = _outcomes(values)
    figure = theme.page(
        values,
        _title(values, outcomes),
        f"A row is a set of controls, filled dots are in it. {rows.POSTERIORS}; black: zero is excluded. Dotted: all "
        "controls. Gap: between the groups before the onset, see the table.",
        body=sum(ROW * len(outcome["subsets"]) + 1.3 for outcome in outcomes.values()),
    )
    grid = GridSpec(
        len(outcomes), 2, figure=figure, width_ratios=[0.22, 1],
        height_ratios=[ROW * len(outcome["subsets"]) + 1.3 for outcome in outcomes.values()],
    )  # fmt: skip
    for place, (name, outcome) in enumerate(outcomes.items()):
        digits = sentences.decimals(values["outcomes"][name])
        ordered = sorted(outcome["subsets"], key=lambda record: -record["att"]["mean"])
        _dots(figure.add_subplot(grid[place, 0]), values, outcome, ordered)
        ax = figure.add_subplot(grid[place, 1])
        rows.average(ax, outcome["main"]["att"]["mean"])
        drawn = []
        for y, record in enumerate(ordered):
            numbers = [*wording.cells(record["att"], digits), sentences.number(record["pretrend"]["gap"], 2)]
            look = (theme.INK, "D") if sentences.excludes_zero(record["att"]) else (theme.BLUE, "o")
            drawn.append(Row(float(y), "", record["att"], *look, numbers=numbers))
        rows.forest(ax, drawn, (*rows.WITH_PROBABILITY, "gap"), show=False)
        rows.finish(ax, outcome, outcome["label"], 5.0)
    return figure


def _outcomes(values: Values) -> dict[str, dict[str, Any]]:
    return wording.outcomes_of(values, "controls", "subsets")


def _title(values: Values, outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """The range over sets of each outcome."""
    texts = []
    for name, outcome in outcomes.items():
        means = [record["att"]["mean"] for record in outcome["subsets"]]
        digits = sentences.decimals(values["outcomes"][name])
        low, high = (sentences.signed(end, digits) for end in (min(means), max(means)))
        moves = outcome["influence"]
        most = f", {unit_name(values, moves[0]['control'])} moves it most" if moves else ""
        texts.append(f"{outcome['label']}: from {low} to {high} over {len(means)} sets of controls{most}")
    return "; ".join(texts)


def _dots(ax: Axes, values: Values, outcome: Mapping[str, Any], ordered: list[Mapping[str, Any]]) -> None:
    """Which controls are in each set, a column a control."""
    controls = outcome["controls"]
    for position, record in enumerate(ordered):
        inside = [column for column, unit in enumerate(controls) if unit in record["controls"]]
        ax.plot([min(inside), max(inside)], [position] * 2, color=theme.INK, linewidth=1.2, zorder=2)
        for column in range(len(controls)):
            face = theme.INK if column in inside else "white"
            edge = theme.INK if column in inside else theme.FAINT
            ax.plot([column], [position], "o", markersize=6.5, color=edge, markerfacecolor=face, zorder=3)
    ax.set_ylim(len(ordered) - 0.4, -0.6)
    ax.set_xlim(-0.6, len(controls) - 0.4)
    ax.set_yticks([])
    ax.set_xticks(range(len(controls)), [unit_name(values, unit) for unit in controls], rotation=40, ha="left")
    ax.tick_params(axis="x", top=True, bottom=False, labeltop=True, labelbottom=False, length=0, pad=2)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
