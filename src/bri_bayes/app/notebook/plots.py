"""What does a result look like? Axes in, axes out: to be put beside other panels, and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bri_bayes.app.notebook.answer import Answer
from bri_bayes.app.notebook.wording import three_digits
from bri_bayes.core.effect import TAILS, Effect
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import PERIOD, SAMPLE, TREATED_UNIT, UNIT
from bri_bayes.estimands.effects import att, counterfactual, observed_path
from bri_bayes.report.figures import theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_SIZE = (7.0, 4.2)  # inches
# Units of a forest that have a name beside their interval, and inches of height for each.
_MOST_NAMED, _ROW = 40, 0.2


def plot(result: Answer, kind: str, ax: Axes | None) -> Axes:
    """Draw one kind of picture into ``ax``, or into the axes of a new pyplot figure."""
    if kind not in _KINDS:
        raise InputError(f'there is no picture "{kind}"; {suggest(kind, _KINDS)}')
    from matplotlib import interactive, is_interactive, rc_context

    # Where ``set_title`` puts one by default, so that a user's title takes the place of ours.
    with theme.style(), rc_context({"axes.titlelocation": "center"}):
        if ax is None:
            from matplotlib import pyplot

            ax = pyplot.subplots(figsize=_size(result, kind), layout="constrained")[1]
        _KINDS[kind](result, ax)
        if kind in ("event_study", "paths"):
            from matplotlib.ticker import MaxNLocator

            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        shows_figures = is_interactive()
    # A notebook turns it on with its first figure, and shows no later one if the end of the context turns it off.
    interactive(shows_figures)
    kind_of_panel = result.analysis.panel.attrs["kind"]
    if kind_of_panel not in ("official", "user"):
        ax.text(
            0.5, 0.5, f"{kind_of_panel}: no observations", transform=ax.transAxes, ha="center", color=theme.VERMILLION
        )
    return ax


def _event_study(result: Answer, ax: Axes) -> None:
    """Effects by periods since the onset, with their intervals."""
    table = result.to_frame("event_time")
    times = table.index.to_numpy()
    ax.fill_between(times, table["lower"], table["upper"], color=theme.BLUE, alpha=0.2, lw=0, label="95% interval")
    ax.plot(times, table["mean"], color=theme.BLUE, marker="o", ms=4, label="posterior mean")
    ax.axhline(0, color=theme.INK, lw=0.8)
    ax.axvline(-0.5, color=theme.MUTED, lw=0.8, ls="--")
    step = result.analysis.panel[PERIOD].attrs.get("unit", "year")
    ax.set(xlabel=f"{step}s since the onset", ylabel=f"effect on {result.card.outcome}")
    ax.set_title(_verdict(result))
    ax.legend()


def _size(result: Answer, kind: str) -> tuple[float, float]:
    """Width and height of a figure: a forest is as tall as its rows are many."""
    rows = min(result.design.sizes[TREATED_UNIT], _MOST_NAMED) + 5 if kind == "forest" else 0
    return _SIZE[0], max(_SIZE[1], _ROW * rows)


def _forest(result: Answer, ax: Axes) -> None:
    """The average effect of each treated unit, of all, and under the other assumptions.

    Of many units, whose names would lie on each other, the intervals stand in the order of the effects.
    """
    units = result.to_frame("unit")
    many = len(units) > _MOST_NAMED
    if many:
        units = units.sort_values("mean", ascending=False)
    rows = [("" if many else str(name), Effect(**dict(row)), theme.BLUE) for name, row in units.iterrows()]
    above = [(f"all ({result.card.name})", result.effect, theme.INK)]
    above += [(f"all ({name})", effect, theme.PURPLE) for name, effect in result.alternatives.items()]
    step = max(1.0, len(rows) / _MOST_NAMED)  # the named rows below stay as far from each other as they would of few
    at = [*range(len(rows)), *(len(rows) - 1 + step * (i + 1) for i in range(len(above)))]
    for place, (_, effect, colour) in zip(at, [*rows, *above], strict=True):
        thin = many and colour == theme.BLUE
        ax.plot([effect.lower, effect.upper], [place, place], color=colour, lw=0.6 if thin else 2)
        ax.plot(effect.mean, place, "o", color=colour, ms=1.5 if thin else 5)
    ax.axvline(0, color=theme.INK, lw=0.8)
    named = [(place, name) for place, (name, _, _) in zip(at, [*rows, *above], strict=True) if name]
    ax.set_yticks([place for place, _ in named], [name for _, name in named])
    ax.invert_yaxis()
    ax.set(xlabel=f"effect on {result.card.outcome}, 95% intervals")
    if many:
        ax.set_ylabel(f"{len(units)} treated units, by the size of the effect", y=0.6)
    ax.set_title(_verdict(result))


def _paths(result: Answer, ax: Axes) -> None:
    """The treated units' mean outcome as it was, and as it would have been without the treatment."""
    without, seen = counterfactual(result.fit), observed_path(result.fit)
    complete = seen.notnull().all(PERIOD)
    units = seen[UNIT][complete] if bool(complete.any()) else seen[UNIT]
    mean = without.sel({UNIT: units}).mean(UNIT)
    draws = mean.transpose(*SAMPLE, PERIOD).to_numpy().reshape(-1, mean.sizes[PERIOD])
    period = seen[PERIOD].to_numpy()
    low, middle, high = np.quantile(draws, [TAILS[0], 0.5, TAILS[1]], axis=0)
    ax.fill_between(period, low, high, color=theme.BLUE, alpha=0.2, lw=0, label="95% interval without the treatment")
    ax.plot(period, middle, color=theme.BLUE, ls="--", label="without the treatment")
    ax.plot(period, seen.sel({UNIT: units}).mean(UNIT), color=theme.INK, marker="o", ms=3, label="observed")
    for onset in result.analysis.assignment.onsets:
        ax.axvline(onset - 0.5, color=theme.MUTED, lw=0.8, ls="--")
    ax.set(
        xlabel=str(result.analysis.panel[PERIOD].attrs.get("unit", "year")),
        ylabel=f"{'mean ' if units.size > 1 else ''}{result.card.outcome}",
    )
    whose = str(units.item()) if units.size == 1 else f"Mean of {units.size} treated units"
    ax.set_title(f"{whose}: {_percent(result.effect)}")
    ax.legend()


def _diagnostics(result: Answer, ax: Axes) -> None:
    """The ATT of each chain: lines that lie on each other."""
    draws = att(result.fit)
    for chain in range(draws.sizes["chain"]):
        ordered = np.sort(draws.isel(chain=chain).to_numpy())
        ax.plot(ordered, np.linspace(0, 1, ordered.size), lw=1, label=f"chain {chain + 1}")
    known = result.fit.diagnostics
    khat = "" if known["khat"] is None else f", k-hat {known['khat']:.2f}"
    ax.set(xlabel=f"effect on {result.card.outcome}", ylabel="share of draws below")
    ax.set_title(
        f"{'Trustworthy' if result.trustworthy else 'Not to be trusted'}: {known['engine']}, "
        f"R-hat {known['rhat']:.3f}, ESS {known['ess']:.0f}{khat}"
    )
    ax.legend(ncols=2)


def _verdict(result: Answer) -> str:
    return f"Effect on {result.card.outcome}: {_percent(result.effect)}"


def _percent(effect: Effect) -> str:
    clear = "its interval excludes zero" if effect.excludes_zero else "zero lies within its interval"
    return f"{three_digits(effect.mean)} on average, {clear}"


_KINDS = {"event_study": _event_study, "forest": _forest, "paths": _paths, "diagnostics": _diagnostics}
