"""Which treated units have a counterpart among the controls? Scores by unit against the controls' range."""

from __future__ import annotations

from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, rows, theme, wording
from bri_bayes.report.figures.rows import GAP, Row

_NUMBERS = ("P(counterpart)", "nearest", "in draws")
ENOUGH = 0.5
# Colour and mark of a unit, by whether it is treated.
GROUPS = {True: (theme.BLUE, "o"), False: (theme.INK, "s")}


@theme.themed
def overlap(values: Values) -> Figure:
    """Treated units on top, controls below, each by its mean score."""
    units = values["propensity"]["score"]["units"]
    treated = sorted((row for row in units if row["treated"]), key=lambda row: -row["score"]["mean"])
    controls = sorted((row for row in units if not row["treated"]), key=lambda row: -row["score"]["mean"])
    figure = theme.page(
        values,
        _title(values),
        "Posterior of the probability of treatment before the policy: means, 95% intervals, middle half thick. "
        "Shaded: from the lowest to the highest mean of the controls. A unit has a counterpart in a draw in which its "
        "score lies within the range of the controls.",
        body=0.3 * (len(units) + 1) + 0.7,
        key=[
            keys.dot(theme.BLUE, "treated", interval=True),
            keys.dot(theme.INK, "control", "s", interval=True),
        ],
    )
    ax = figure.subplots()
    means = [row["score"]["mean"] for row in controls]
    ax.axvspan(min(means), max(means), color=theme.INK, alpha=0.08, linewidth=0)
    names = {row["unit"]: row["name"] for row in units}
    drawn = []
    for position, row in enumerate([*treated, *controls]):
        y = position + (0.0 if row["treated"] else GAP)
        color, marker = GROUPS[row["treated"]]
        effect = {key: row["score"][key] for key in ("mean", "lower", "upper")}
        quarter = row["quantiles"]
        ax.plot([quarter[4], quarter[14]], [y, y], color=color, linewidth=5, alpha=0.45, zorder=3)
        numbers = (
            [wording.share(row["p_counterpart"]), names[row["nearest"]], wording.share(row["p_nearest"])]
            if row["treated"]
            else []
        )
        drawn.append(Row(y, row["name"], effect, color, marker, numbers=numbers))
    rows.forest(ax, drawn, _NUMBERS, limits=(-0.02, 1.02))
    rows.divide(ax, len(treated) - 0.15)
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
    have = "has" if len(lost) == 1 else "have"
    return (
        f"{len(lost)} of {len(treated)} treated {noun} {have} no counterpart among the controls: "
        f"{sentences.listed(lost)}"
    )
