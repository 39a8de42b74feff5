"""How far may trends part before zero is inside? Rambachan & Roth's intervals against M and Mbar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values, section_outcomes
from bri_bayes.report.figures import marks, theme

SECTION = "honest"
_ERRORS = {"ar1": ("AR(1) errors", theme.BLUE, "o", -0.18), "iid": ("independent errors", theme.VERMILLION, "s", 0.18)}


@theme.themed
def honest_bounds(values: Values) -> Figure:
    """A column for each outcome: intervals by M above, identified set and interval by Mbar below."""
    outcomes = section_outcomes(values, SECTION, "smoothness")
    figure = theme.page(
        values,
        _title(outcomes),
        "95% confidence intervals of the average effect. Above: the difference in trends bends by at most M a year. "
        "Below: after the onset it moves by at most Mbar times its largest step before; light bars are the bounds at "
        "the estimates themselves, without sampling error.",
        body=marks.blocks(outcomes) * 5.4,
        key=[
            Line2D([], [], color=color, marker=marker, markersize=5, linewidth=1.6, label=label)
            for label, color, marker, _ in _ERRORS.values()
        ],
    )
    blocks = marks.panels(figure, list(outcomes), rows=2)
    for position, (found, (above, below)) in enumerate(zip(outcomes.values(), blocks, strict=True)):
        unit = sentences.effect_unit(found)
        _draw(above, found["smoothness"], digits=3)
        _draw(below, found["relative"], digits=2)
        theme.panel_title(above, f"{found['label']}, onset {found['onset']}", 4.4)
        above.set_xlabel(f"M, {unit} a year, each year")
        below.set_xlabel("Mbar, times the largest step before the onset")
        if position % 2 == 0:
            for ax in (above, below):
                ax.set_ylabel(f"Average effect, {unit}")
    return figure


def caption(values: Values) -> list[str]:
    """For each outcome: what a straight line, and steps as large as before the onset, leave of the effect."""
    texts = []
    for found in section_outcomes(values, SECTION, "smoothness").values():
        line, same = _row(found, "smoothness", 0.0), _row(found, "relative", 1.0)
        texts.append(
            f"{found['label']}, AR(1) errors: if the trends of the two groups part along a straight line, the interval "
            f"is {sentences.interval(line['lower'], line['upper'], 2)}; if they move after the onset by at most their "
            f"largest step before it, {sentences.interval(same['lower'], same['upper'], 2)}. {_breakdown(found)}"
        )
    return texts


def _breakdown(found: Mapping[str, Any]) -> str:
    limits = next(row for row in found["bound_breakdown"] if row["errors"] == "ar1")
    parts = []
    for name, word, digits in (("smoothness", "M", 3), ("relative", "Mbar", 2)):
        if limits[name] is None:
            parts.append(f"zero is inside from {word} = 0 on")
        else:
            parts.append(f"zero comes inside at {word} = {sentences.number(limits[name], digits)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _title(outcomes: Mapping[str, Any]) -> str:
    """How many of the intervals at M = 0 and Mbar = 1 leave zero out, under AR(1) errors."""
    out = {"smoothness": 0, "relative": 0}
    for found in outcomes.values():
        for kind, bound in (("smoothness", 0.0), ("relative", 1.0)):
            out[kind] += sentences.excludes_zero(_row(found, kind, bound))
    n = len(outcomes)
    return (
        f"Zero is left out for {out['smoothness'] or 'none'} of {n} outcomes if trends part along a straight line, for "
        f"{out['relative'] or 'none'} if they move as much as before the onset"
    )


def _row(found: Mapping[str, Any], kind: str, bound: float) -> Mapping[str, Any]:
    row: Mapping[str, Any] = next(r for r in found[kind] if r["errors"] == "ar1" and r["bound"] == bound)
    return row


def _draw(ax: Axes, rows: list[Mapping[str, Any]], *, digits: int) -> None:
    bounds = sorted({row["bound"] for row in rows})
    marks.zero_line(ax)
    for errors, (_, color, marker, shift) in _ERRORS.items():
        own = [row for row in rows if row["errors"] == errors]
        x = [bounds.index(row["bound"]) + shift for row in own]
        middle = [row.get("estimate", 0.5 * (row["lower"] + row["upper"])) for row in own]
        if own and "identified_lower" in own[0]:
            middle = [0.5 * (row["identified_lower"] + row["identified_upper"]) for row in own]
            ax.vlines(
                x, [row["identified_lower"] for row in own], [row["identified_upper"] for row in own],
                color=color, linewidth=8, alpha=0.25, zorder=2,
            )  # fmt: skip
        ax.vlines(x, [row["lower"] for row in own], [row["upper"] for row in own], color=color, linewidth=1.6, zorder=3)
        ax.plot(x, middle, linestyle="", marker=marker, markersize=5, color=color, zorder=4)
    ax.set_xticks(range(len(bounds)), [sentences.number(bound, digits if bound else 0) for bound in bounds])
    ax.grid(axis="y")
