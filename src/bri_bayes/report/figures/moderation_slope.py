"""How much did the data say of the slope? Its prior and its posterior, by outcome and version."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import marks, theme
from bri_bayes.report.figures.moderation import shown_outcomes

_HEIGHT = 1.9  # inches of a panel
_TITLE_WIDTH = 4.2  # inches of a panel title


@theme.themed
def moderation_slope(values: Values) -> Figure:
    """A column for each outcome, a row for each version; the title of a panel gives the contraction and its verdict."""
    own = values["moderation"]
    outcomes = shown_outcomes(values)
    versions = list(dict.fromkeys(version for outcome in outcomes.values() for version in outcome["versions"]))
    figure = theme.page(
        values,
        _title(outcomes),
        f"Change of the effect for one unit of {own['moderator']['label']}. Contraction: the share of the prior "
        "variance that the data took away. Squares: least squares, with the 95% interval of clustered standard errors.",
        body=marks.blocks(outcomes) * len(versions) * _HEIGHT,
        key=[
            Line2D([], [], color=theme.MUTED, linestyle="--", linewidth=1.5, label="prior"),
            Patch(color=theme.BLUE, alpha=0.35, label="posterior"),
            Line2D([], [], color=theme.VERMILLION, marker="s", linestyle="-", label="TWFE, clustered s.e."),
        ],
    )
    blocks = marks.panels(figure, list(outcomes), rows=len(versions))
    for outcome, axes in zip(outcomes.values(), blocks, strict=True):
        for ax, version in zip(axes, versions, strict=True):
            found = outcome["versions"].get(version)
            if found is None:
                ax.remove()
                continue
            _draw(ax, found)
            theme.panel_title(ax, _panel_title(outcome, found), _TITLE_WIDTH, size=theme.SMALL + 0.5)
    return figure


def caption(values: Values) -> list[str]:
    """One sentence an outcome: spread of the slope before and after the data, and the verdict of the rule."""
    texts = []
    for outcome in shown_outcomes(values).values():
        learned = outcome["versions"][outcome["main"]]["learned"]
        digits = 3 if learned["posterior_sd"] > 0.005 else 4
        texts.append(
            f"{outcome['label']}: the standard deviation of the slope goes from "
            f"{sentences.number(learned['prior_sd'], digits)} before the data to "
            f"{sentences.number(learned['posterior_sd'], digits)} after: what is known comes from {learned['verdict']}."
        )
    return texts


def _title(outcomes: Values) -> str:
    verdicts = {name: outcome["versions"][outcome["main"]]["learned"]["verdict"] for name, outcome in outcomes.items()}
    if len(set(verdicts.values())) == 1:
        return f"What is known of the slope comes from {next(iter(verdicts.values()))}"
    parts = [f"{outcomes[name]['label']}: {verdict}" for name, verdict in verdicts.items()]
    return f"Where what is known of the slope comes from: {'; '.join(parts)}"


def _panel_title(outcome: Values, found: Values) -> str:
    contraction = sentences.number(found["learned"]["contraction"], 2)
    return f"{outcome['label']}: {found['title'][0].lower()}{found['title'][1:]}; contraction {contraction}"


def _draw(ax: Axes, found: Values) -> None:
    density = found["density"]
    marks.zero_line(ax, vertical=True)
    ax.fill_between(density["grid"], density["posterior"], color=theme.BLUE, alpha=0.35, linewidth=0, zorder=2)
    ax.plot(density["grid"], density["posterior"], color=theme.BLUE, linewidth=1.8, zorder=3)
    ax.plot(density["grid"], density["prior"], color=theme.MUTED, linewidth=1.5, linestyle="--", zorder=3)
    top = max(density["posterior"])
    clustered = next((row for row in found["frequentist"] if row["inference"] == "cluster"), None)
    if clustered is not None and clustered.get("lower") is not None:
        y = 0.12 * top
        ax.plot([clustered["lower"], clustered["upper"]], [y, y], color=theme.VERMILLION, linewidth=1.6, zorder=4)
        ax.plot([clustered["estimate"]], [y], color=theme.VERMILLION, marker="s", markersize=5, linestyle="", zorder=5)
    ax.set_xlim(density["grid"][0], density["grid"][-1])
    ax.set_ylim(0, 1.08 * top)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
