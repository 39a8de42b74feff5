"""What does the paper's event study show on the rebuilt panel, against each baseline that its formula allows?"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme, wording
from bri_bayes.report.figures.rebuilt import made_from_tables

_HEIGHT = 3.3  # inches
_OFFSET = 0.11  # event times between the marks of two baselines
_LOOKS = ((theme.VERMILLION, "s", False), (theme.VERMILLION, "o", True))


@theme.themed
def published_event_study(values: Values) -> Figure:
    """A panel an outcome: coefficient and 95% interval by years since the onset, a mark for each baseline.

    The title counts the years before and since the onset whose interval excludes zero, against the last year.
    """
    outcomes = values["replication"]["outcomes"]
    references = list(next(iter(outcomes.values()))["event_study"])
    figure = theme.page(
        made_from_tables(values),
        _title(values),
        "Coefficients of the regression of Table 3 (3) and (6) with one for each of five years before and after the "
        "onset; 95% intervals clustered by unit. The paper's formula has all of them and names no baseline: two are "
        "drawn. Dotted: Table 3. Beyond the window the last coefficient is shared.",
        body=_HEIGHT,
        key=[
            keys.dot(color, f"against the {name}", marker, hollow=hollow, interval=True)
            for name, (color, marker, hollow) in zip(references, _LOOKS, strict=False)
        ],
    )
    for _, outcome, (ax,), first in marks.each(figure, outcomes):
        for at, (path, (color, marker, hollow)) in enumerate(
            zip(outcome["event_study"].values(), _LOOKS, strict=False)
        ):
            for point in path:
                x = point["event_time"] + _OFFSET * (2 * at - 1)
                marks.upright(ax, x, {**point, "mean": point["estimate"]}, color, marker, hollow=hollow)
        marks.zero_line(ax)
        marks.onset_line(ax, 0)
        ax.axhline(outcome["published"], color=theme.INK, linewidth=1, linestyle=":")
        theme.panel_title(ax, f"{outcome['label']} (dotted: {outcome['published']:g})", 4.4)
        ax.set_xlabel("Year")
        if first:
            ax.set_ylabel("Effect, log points")
        ax.set_xticks([point["event_time"] for point in path], [str(point["period"]) for point in path])
        ax.grid(axis="y")
    return figure


def caption(values: Values) -> list[str]:
    """The message of the figure, and why a year bends."""
    return [
        f"{_title(values)}.",
        "Where the last year before the onset is out of line, Tables 3 and 4 together ask for it: the fictitious "
        "onsets of Table 4 tie the gap between the groups in 2007-2011 and in 2012.",
    ]


def _title(values: Values) -> str:
    parts = []
    for outcome in values["replication"]["outcomes"].values():
        path = outcome["event_study"]["last year before the onset"]
        before = [point for point in path if point["event_time"] < -1]
        since = [point for point in path if point["event_time"] >= 0]
        parts.append(f"{_apart(before)} years before and {_apart(since)} since ({outcome['label'].split()[0].lower()})")
    last = next(point["period"] for point in path if point["event_time"] == -1)
    return f"Apart from {last}, the last year before the onset: {'; '.join(parts)}"


def _apart(points: list[dict[str, Any]]) -> str:
    return f"{wording.excluding_zero(points)} of {len(points)}"
