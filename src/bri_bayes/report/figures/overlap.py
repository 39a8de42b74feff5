"""Which treated units have a counterpart among the controls? Scores by unit against the controls' range."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme

_NUMBERS = ("P(counterpart)", "nearest", "in draws")
ENOUGH = 0.5


@theme.themed
def overlap(values: Values) -> Figure:
    """Treated units on top, controls below, each by its mean score."""
    units = values["propensity"]["score"]["units"]
    treated = sorted((row for row in units if row["treated"]), key=lambda row: -row["score"]["mean"])
    controls = sorted((row for row in units if not row["treated"]), key=lambda row: -row["score"]["mean"])
    figure = theme.page(
        values,
        _title(values),
        "Posterior of the probability of treatment before the initiative: means, 95% intervals, middle half thick. "
        "Shaded: from the lowest to the highest mean of the controls. A unit has a counterpart in a draw in which its "
        "score lies within the range of the controls.",
        body=0.3 * (len(units) + 1) + 0.7,
        key=[_handle(theme.VERMILLION, "o", "treated"), _handle(theme.BLUE, "s", "control")],
    )
    (ax,) = figure.subplots(1, 1, squeeze=False)[0]
    means = [row["score"]["mean"] for row in controls]
    ax.axvspan(min(means), max(means), color=theme.BLUE, alpha=0.08, linewidth=0)
    labels, numbers = {}, {}
    names = {row["unit"]: row["name"] for row in units}
    for position, row in enumerate([*treated, *controls]):
        y = position + (0.7 if not row["treated"] else 0.0)
        color, marker = (theme.VERMILLION, "o") if row["treated"] else (theme.BLUE, "s")
        marks.dot(ax, y, {key: row["score"][key] for key in ("mean", "lower", "upper")}, color, marker=marker)
        quarter = row["quantiles"]
        ax.plot([quarter[4], quarter[14]], [y, y], color=color, linewidth=5, alpha=0.45, zorder=3)
        labels[y] = row["name"]
        if row["treated"]:
            share = sentences.probability(row["p_counterpart"], words=False)
            nearest = sentences.probability(row["p_nearest"], words=False)
            numbers[y] = [share, names[row["nearest"]], nearest]
    marks.beside(ax, numbers, _NUMBERS)
    marks.row_axis(ax, labels, show=True)
    ax.axhline(len(treated) - 0.15, color=theme.FAINT, linewidth=1)
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel("Probability of treatment")
    return figure


def caption(values: Values) -> list[str]:
    """The sentence of the overlap check."""
    return [check["detail"] for check in values["propensity"]["checks"]]


def _title(values: Values) -> str:
    treated = [row for row in values["propensity"]["score"]["units"] if row["treated"]]
    lost = [row["name"] for row in treated if row["p_counterpart"] < ENOUGH]
    noun = sentences.unit_noun(values)
    if not lost:
        return f"All {len(treated)} treated {noun} have a counterpart among the controls"
    if len(lost) == len(treated):
        return f"None of the {len(treated)} treated {noun} has a counterpart among the controls"
    listed = lost[0] if len(lost) == 1 else f"{', '.join(lost[:-1])} and {lost[-1]}"
    return f"{len(lost)} of {len(treated)} treated {noun} have no counterpart among the controls: {listed}"


def _handle(color: str, marker: str, label: str) -> Line2D:
    return Line2D([], [], color=color, marker=marker, linewidth=1.6, markersize=6.5, label=label)
