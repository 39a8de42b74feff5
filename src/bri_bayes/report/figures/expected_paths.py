"""What would a synthetic control and a factor model have expected of each treated unit? Small multiples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.control_sentences import coverage_sentence
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.figures import keys, marks, theme, wording

HEIGHT = 1.7  # inches of a panel
MOST = 20  # units shown of an outcome
_LOOK = {"synthetic": (theme.BLUE, "-", "synthetic control"), "factor": (theme.PURPLE, (0, (4, 2)), "factor model")}


def caption(values: Values) -> list[str]:
    """What each model expects, and how often its interval fails for donors."""
    texts = [
        coverage_sentence(outcome, sentences.decimals(values["outcomes"][name]))
        for name, outcome in _outcomes(values).items()
    ]
    return [text for text in texts if text]


@theme.themed
def expected_paths(values: Values) -> Figure:
    """A block for each outcome, a panel for each treated unit: observed, and what either model expected."""
    outcomes = _outcomes(values)
    units = {name: _units(outcome) for name, outcome in outcomes.items()}
    kinds = [kind for kind in _LOOK if any(kind in outcome["expected"] for outcome in outcomes.values())]
    figure = theme.page(
        values,
        _title(outcomes),
        "Both models see the donors in all years and the treated unit before the onset (dashed line), "
        "where the fit is drawn without its errors; bands are 95% intervals, edged by the line of their model. Each "
        "panel has its own scale.",
        body=marks.unit_panels_height(units, HEIGHT),
        key=[
            keys.line(theme.INK, keys.word_of_rows(values)),
            *[keys.line(color, label, line) for color, line, label in (_LOOK[kind] for kind in kinds)],
            keys.band(theme.MUTED, "95% interval"),
        ],
    )
    headings = {name: f"{outcome['label']}, {_scale(outcome)}" for name, outcome in outcomes.items()}
    for name, unit, ax, inches in marks.unit_panels(figure, units, headings, HEIGHT):
        _draw(ax, {kind: outcomes[name][kind]["paths"][unit] for kind in outcomes[name]["expected"]})
        theme.panel_title(ax, unit_name(values, unit), inches, size=theme.SMALL + 0.5)
    return figure


def _outcomes(values: Values) -> dict[str, dict[str, Any]]:
    return wording.outcomes_of(values, "controls", "expected")


def _scale(outcome: Mapping[str, Any]) -> str:
    """What the vertical axes count."""
    units = outcome.get("units") or "units of the outcome"
    return f"log of {units}" if sentences.effect_unit(outcome) == "log points" else str(units)


def _units(outcome: Mapping[str, Any]) -> list[str]:
    return list(outcome[outcome["expected"][0]]["units"])[:MOST]


def _title(outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """How many treated units either model finds apart from zero on average."""
    texts = []
    for kind, (_, _, noun) in _LOOK.items():
        effects = [
            effect
            for outcome in outcomes.values()
            if kind in outcome["expected"]
            for effect in outcome[kind]["by_unit"].values()
        ]
        if effects:
            texts.append(f"{wording.excluding_zero(effects)} of {len(effects)} by the {noun}")
    return f"Average effects of single units apart from zero: {', '.join(texts)}"


def _draw(ax: Axes, paths: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    first = next(iter(paths.values()))
    years = sorted(int(period) for period in first)
    after = [year for year in years if "mean" in first[str(year)]]
    marks.onset_line(ax, after[0])
    for kind, path in paths.items():
        color, line, _ = _LOOK[kind]
        fitted = [path[str(year)]["mean" if year in after else "fitted"] for year in years]
        lower, upper = ([path[str(year)][end] for year in after] for end in ("lower", "upper"))
        ax.fill_between(after, lower, upper, color=color, alpha=0.15, linewidth=0)
        for end in (lower, upper):  # where two bands lie over each other colours alone do not tell whose each is
            ax.plot(after, end, color=color, linestyle=line, linewidth=0.7)
        ax.plot(years, fitted, color=color, linestyle=line, linewidth=1.4)
    ax.plot(years, [first[str(year)]["observed"] for year in years], color=theme.INK, linewidth=1.8)
    marks.short_years(ax, years)
