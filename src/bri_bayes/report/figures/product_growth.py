"""How fast did trade in each product grow, before and after? Treated units and controls side by side."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme
from bri_bayes.report.figures.category_effects import as_panel

_GROUPS = {"treated": ("treated", theme.BLUE, "o"), "controls": ("controls", theme.INK, "s")}
_SHIFT = 0.17  # rows between the two groups


@theme.themed
def product_growth(values: Values) -> Figure:
    """A panel for each outcome; rows are categories, the treated units' largest in the first panel on top."""
    section = as_panel(values)
    outcomes = section["outcomes"]
    before_known = any("growth_before_pct" in row for outcome in outcomes.values() for row in outcome["growth"])
    key = [keys.dot(color, label, marker) for label, color, marker in _GROUPS.values()]
    reading = "Growth a year of the units with a value at both ends; beside: the treated mean and share. "
    reading += "Arrows go from before the onset to after it." if before_known else "One average rate between the years."
    most = max(len({row["category"] for row in outcome["growth"]}) for outcome in outcomes.values())
    figure = theme.page(section, _title(section), reading, body=marks.blocks(outcomes) * (0.42 * most + 1.25), key=key)
    first = next(iter(outcomes.values()))["growth"]
    treated = [row for row in first if row["group"] == "treated"]
    order = [row["category"] for row in sorted(treated, key=lambda row: -row["mean_level"])]
    for _, outcome, (ax,), leftmost in marks.each(figure, outcomes):
        _rows(ax, section, outcome, order, show=leftmost)
        ax.set_xlabel("Growth, percent a year")
        theme.panel_title(ax, outcome["label"], 3.9, pad=marks.HEADINGS)
    return figure


def caption(values: Values) -> list[str]:
    """In how many categories the growth of the treated changed by more than that of the controls."""
    section = as_panel(values)
    texts = []
    for outcome in section["outcomes"].values():
        more, total = _more(outcome)
        what = "growth rose by more (or fell by less)" if _has_before(outcome) else "growth was faster"
        texts.append(
            f"{outcome['label']}: {what} in the treated group than in the controls in {more} of {total} categories. "
            "A description, not an effect."
        )
    return texts


def _title(section: Values) -> str:
    counts = [_more(outcome) for outcome in section["outcomes"].values()]
    more, total = sum(count for count, _ in counts), sum(all_ for _, all_ in counts)
    verb = "gained speed on" if all(_has_before(outcome) for outcome in section["outcomes"].values()) else "outgrew"
    return f"In {more} of {total} categories the treated countries {verb} the controls"


def _has_before(outcome: Values) -> bool:
    return all("growth_before_pct" in row for row in outcome["growth"])


def _change(row: Values) -> float:
    """Growth after minus before, or the one growth there is."""
    parts = [row.get("growth_after_pct", row.get("growth_pct")), row.get("growth_before_pct", 0.0)]
    return math.nan if None in parts else float(parts[0]) - float(parts[1])


def _more(outcome: Values) -> tuple[int, int]:
    by = {(row["group"], row["category"]): _change(row) for row in outcome["growth"]}
    names = list(dict.fromkeys(row["category"] for row in outcome["growth"]))
    gaps = [by["treated", name] - by["controls", name] for name in names]
    known = [gap for gap in gaps if math.isfinite(gap)]
    return sum(gap > 0 for gap in known), len(known)


def _level(level: float, outcome: Values) -> str:
    worth = outcome.get("level_to_usd")
    return sentences.dollars(level * worth) if worth else sentences.compact(level)


def _rows(ax: Axes, section: Values, outcome: Values, order: list[str], *, show: bool) -> None:
    treated = [row for row in outcome["growth"] if row["group"] == "treated"]
    labels: dict[float, str] = {float(at): section["names"].get(name, name) for at, name in enumerate(order)}
    marks.zero_line(ax, vertical=True)
    for row in outcome["growth"]:
        _, color, marker = _GROUPS[row["group"]]
        y = order.index(row["category"]) + (_SHIFT if row["group"] == "controls" else -_SHIFT)
        before, after = row.get("growth_before_pct"), row.get("growth_after_pct", row.get("growth_pct"))
        if after is None:
            continue
        if before is not None:
            arrow: dict[str, Any] = {"arrowstyle": "-|>", "color": color, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", (after, y), (before, y), arrowprops=arrow, zorder=3)
            ax.plot([before], [y], linestyle="", marker=marker, color=color, markerfacecolor="white", markersize=5.5,
                    markeredgewidth=1.4, zorder=4)  # fmt: skip
            ax.plot([after], [y], alpha=0)  # the arrow's end counts for the limits
        else:
            ax.plot([after], [y], linestyle="", marker=marker, color=color, markersize=6.5, zorder=4)
    numbers = {
        float(order.index(row["category"])): [
            _level(row["mean_level"], outcome), f"{sentences.number(row['share_pct'], 1)}%"
        ]
        for row in treated
    }  # fmt: skip
    marks.beside(ax, numbers, ("mean a year", "share"))
    marks.row_axis(ax, labels, show=show)
