"""What does the paper's event study show on the rebuilt panel, against each baseline that its formula allows?"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme
from bri_bayes.report.figures.rebuilt import made_from_tables

_HEIGHT = 3.3  # inches
_OFFSET = 0.11  # event times between the marks of two baselines
_LOOKS = ((theme.BLUE, "o", False), (theme.VERMILLION, "s", True))


@theme.themed
def published_event_study(values: Values) -> Figure:
    """A panel an outcome: coefficient and 95% interval by years since the onset, a mark for each baseline.

    The title counts the years before and since the onset whose interval leaves zero out, against the last year.
    """
    outcomes = values["replication"]["outcomes"]
    references = list(next(iter(outcomes.values()))["event_study"])
    keys = [
        _mark(color, marker, hollow, f"against the {name}")
        for name, (color, marker, hollow) in zip(references, _LOOKS, strict=False)
    ]
    figure = theme.page(
        made_from_tables(values),
        _title(values),
        "Coefficients of the regression of Table 3 (3) and (6) with one for each of five years before and after the "
        "onset; 95% intervals clustered by unit. The paper's formula has all of them and names no baseline: two are "
        "drawn. Dotted: Table 3. Beyond the window the last coefficient is shared.",
        body=_HEIGHT,
        key=keys,
    )
    for (ax,), found in zip(marks.panels(figure, list(outcomes)), outcomes.values(), strict=True):
        for at, (path, (color, marker, hollow)) in enumerate(zip(found["event_study"].values(), _LOOKS, strict=False)):
            for point in path:
                x = point["event_time"] + _OFFSET * (2 * at - 1)
                ax.plot([x, x], [point["lower"], point["upper"]], color=color, linewidth=1.5, zorder=3)
                face = "white" if hollow else color
                look: dict[str, Any] = {"marker": marker, "markersize": 5.5, "color": color, "markerfacecolor": face}
                ax.plot(x, point["estimate"], zorder=4, **look)
        ax.axhline(0, color=theme.INK, linewidth=0.9)
        ax.axvline(-0.5, color=theme.MUTED, linewidth=1, linestyle="--")
        ax.axhline(found["published"], color=theme.MUTED, linewidth=1, linestyle=":")
        theme.panel_title(ax, f"{found['label']}, log points (dotted: {found['published']:g})", 4.4)
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


def _mark(color: str, marker: str, hollow: bool, label: str) -> Line2D:
    face = "white" if hollow else color
    return Line2D([], [], color=color, marker=marker, linestyle="", markerfacecolor=face, label=label)


def _title(values: Values) -> str:
    parts = []
    for found in values["replication"]["outcomes"].values():
        path = found["event_study"]["last year before the onset"]
        before = [point for point in path if point["event_time"] < -1]
        since = [point for point in path if point["event_time"] >= 0]
        parts.append(f"{_apart(before)} years before and {_apart(since)} since ({found['label'].split()[0].lower()})")
    last = next(point["period"] for point in path if point["event_time"] == -1)
    return f"Apart from {last}, the last year before the onset: {'; '.join(parts)}"


def _apart(points: list[dict[str, Any]]) -> str:
    return f"{sum(sentences.excludes_zero(point) for point in points)} of {len(points)}"
