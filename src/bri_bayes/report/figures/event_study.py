"""When does the effect come, and was something there before? The event study against both baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import (
    PRE_AVERAGE,
    REFERENCE,
    Values,
    by_event_time,
    common_onset,
    event_study_rows,
)
from bri_bayes.report.figures import keys, marks, theme, wording

OFFSET = 0.22  # years between a posterior mean and the frequentist point beside it
_BASELINES = {REFERENCE: "Against the last year before the onset", PRE_AVERAGE: "Against the pre-period average"}


@theme.themed
def event_study(values: Values) -> Figure:
    """A column for each outcome, a row for each baseline; calendar years below, event time above."""
    outcomes = theme.outcomes_with(values, "by_event_time", "event_study")
    table = by_event_time(values)
    paths = {name: _paths(table, name, outcome) for name, outcome in outcomes.items()}
    frequentist = {name: _frequentist(outcome) for name, outcome in outcomes.items()}
    rows = max(len(path) for path in paths.values())
    has_points = any(not points.empty for points in frequentist.values())
    figure = theme.page(
        values,
        _title(paths, frequentist),
        _reading(paths),
        body=marks.blocks(outcomes) * (2.2 * rows + 1.0),
        key=_key(has_points),
    )
    for name, outcome, axes, first in marks.each(figure, outcomes, rows=rows):
        onset = common_onset(outcome)
        drawn = list(paths[name].items())
        limits = _limits(paths[name], frequentist[name])
        for row, ax in enumerate(axes):
            if row >= len(drawn):
                ax.set_visible(False)
                continue
            baseline, path = drawn[row]
            points = frequentist[name] if baseline == REFERENCE else frequentist[name].iloc[:0]
            _draw(ax, path, points, onset)
            ax.set_ylim(limits[0], limits[1] + 0.1 * (limits[1] - limits[0]))  # room for the heading
            if first:
                ax.set_ylabel(wording.effect_axis(outcome))
            heading = _BASELINES.get(baseline, "Against the pre-period")
            look: dict[str, Any] = {"size": theme.SMALL + 0.5, "color": theme.MUTED, "backgroundcolor": "white"}
            ax.text(0.02, 0.96, heading, transform=ax.transAxes, va="top", **look)
            if row == 0:
                theme.panel_title(ax, outcome["label"], 4.4)
            if onset is not None and row == 0:
                _event_time_axis(ax, onset)
        axes[len(drawn) - 1].set_xlabel("Year" if onset is not None else "Years since the onset")
    return figure


def _paths(table: pd.DataFrame, name: str, outcome: Values) -> dict[str, pd.DataFrame]:
    """The path against each baseline; the one against the last year before the onset comes first."""
    chosen = event_study_rows(table[table["outcome"] == name], outcome)
    baselines = sorted(set(chosen["baseline"]), key=lambda baseline: (baseline != REFERENCE, baseline))
    return {baseline: chosen[chosen["baseline"] == baseline] for baseline in baselines}


def _frequentist(outcome: Values) -> pd.DataFrame:
    columns = ["event_time", "estimate", "lower", "upper"]
    frame = pd.DataFrame(outcome.get("event_study") or [], columns=columns, dtype=float)
    return frame.dropna(subset=["estimate"])


def _title(paths: Mapping[str, Mapping[str, pd.DataFrame]], points: Mapping[str, pd.DataFrame]) -> str:
    """Counts over all outcomes, against the pre-period average where there is one: it uses the most data. Where the
    clustered intervals of least squares say otherwise, both are said with their method."""
    bayes = _counts(pd.concat([list(path.values())[-1] for path in paths.values()]))
    twfe = _counts(pd.concat(list(points.values())))
    if twfe.since + twfe.until == 0 or (twfe.after, twfe.before) == (bayes.after, bayes.before):
        after = bayes.told(bayes.after, bayes.since, "effects of single years after the onset").capitalize()
        text = f"{after} told apart from zero"
        return f"{text}; before it, {bayes.told(bayes.before, bayes.until)}" if bayes.until else text
    return (
        f"Effects of single years told apart from zero. Bayes: {bayes.short()}. Least squares with clustered "
        f"intervals, against the last year before the onset: {twfe.short()}"
    )


@dataclass(frozen=True)
class _Counts:
    """Years that exclude zero ``after`` and ``before`` the onset, of ``since`` and ``until``."""

    after: int
    since: int
    before: int
    until: int

    def short(self) -> str:
        after = f"{self.after or 'none'} of {self.since} after the onset"
        return f"{after}, {self.before or 'none'} of {self.until} before it" if self.until else after

    @staticmethod
    def told(count: int, total: int, noun: str = "") -> str:
        return f"{count or 'none'} of {total}{f' {noun}' if noun else ''} {'are' if count > 1 else 'is'}"


def _counts(path: pd.DataFrame) -> _Counts:
    path = path[path["lower"] < path["upper"]]  # not the year that is zero by definition
    no_zero = (path["lower"] > 0) | (path["upper"] < 0)
    after, before = path["event_time"] >= 0, path["event_time"] < 0
    return _Counts(int(no_zero[after].sum()), int(after.sum()), int(no_zero[before].sum()), int(before.sum()))


def _reading(paths: Mapping[str, Mapping[str, pd.DataFrame]]) -> str:
    if not any((path["event_time"] < 0).any() for of_outcome in paths.values() for path in of_outcome.values()):
        return "The model has no effects before the onset: the whole pre-period is its baseline."
    counted = (
        " The title counts the posterior against the pre-period average."
        if any(len(of_outcome) > 1 for of_outcome in paths.values())
        else ""
    )
    return f"If treated and controls moved together before the onset, effects there lie near zero.{counted}"


def _key(has_points: bool) -> list[Any]:
    twfe = keys.dot(theme.VERMILLION, "TWFE, 95% interval clustered (CRV1)", "s", interval=True)
    return [
        keys.dot(theme.BLUE, "Bayes, posterior mean", interval=True),
        keys.band(theme.BLUE, "95% interval"),
        *([twfe] if has_points else []),
        keys.line(theme.MUTED, "onset", "--", 1.0),
    ]


def _limits(paths: Mapping[str, pd.DataFrame], points: pd.DataFrame) -> tuple[float, float]:
    frames = [*paths.values(), points]
    return marks.limits([bound for frame in frames for end in ("lower", "upper") for bound in frame[end]])


def _draw(ax: Axes, path: pd.DataFrame, points: pd.DataFrame, onset: int | None) -> None:
    start = 0 if onset is None else onset
    x = start + path["event_time"].to_numpy(dtype=float)
    marks.zero_line(ax)
    marks.onset_line(ax, start, ymax=0.87)
    marks.band(ax, x, path.to_dict("records"), theme.BLUE, marker="o", markersize=4.5, linewidth=1.4)
    reference = path[path["sd"] == 0]
    ax.plot(
        start + reference["event_time"].astype(float), reference["mean"],
        linestyle="", marker="o", markersize=5.5, color=theme.BLUE, markerfacecolor="white", zorder=3.5,
    )  # fmt: skip
    shown = points[points["event_time"] != -1]
    for point in shown.to_dict("records"):
        effect = {"mean": point["estimate"], "lower": point["lower"], "upper": point["upper"]}
        marks.upright(ax, start + point["event_time"] + OFFSET, effect, theme.VERMILLION, "s", size=3.8)
    ax.set_xlim(x[0] - 0.7, x[-1] + 0.7)
    ticks = marks.year_ticks(int(x[0]), int(x[-1]), 9)
    ax.set_xticks(ticks, [sentences.number(tick, 0).replace(",", "") for tick in ticks])
    ax.tick_params(labelbottom=True)


def _event_time_axis(ax: Axes, onset: int) -> None:
    def since(year: Any) -> Any:
        return year - onset

    def year_of(time: Any) -> Any:
        return time + onset

    top = ax.secondary_xaxis("top", functions=(since, year_of))
    low, high = ax.get_xlim()
    ticks = marks.year_ticks(round(low - onset), round(high - onset), 9)
    top.set_xticks(ticks, [sentences.signed(tick, 0) for tick in ticks])
    top.set_xlabel("years since the onset", size=theme.SMALL, color=theme.MUTED)
    top.tick_params(labelsize=theme.SMALL, labelcolor=theme.MUTED, color=theme.FAINT)
    top.spines["top"].set_visible(False)
