"""How much did the data say of the slope? Its prior and its posterior, by outcome and version."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bri_bayes.presentation import sentences
from bri_bayes.presentation.names_shown import in_sentence, known_from
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme
from bri_bayes.report.figures.moderation import TITLE_WIDTH, each_version, shown_outcomes, versions_of

_HEIGHT = 2.1  # inches of a panel


@theme.themed
def moderation_slope(values: Values) -> Figure:
    """A column for each outcome, a row for each version; the title of a panel gives the contraction and its verdict."""
    outcomes = shown_outcomes(values)
    versions = versions_of(outcomes)
    figure = theme.page(
        values,
        _title(outcomes),
        f"Change of the effect for one unit of {values['moderation']['moderator']['label']}. Contraction: the share of "
        "the prior variance that the data took away. Squares: least squares, with the 95% interval of clustered "
        "standard errors.",
        body=marks.blocks(outcomes) * len(versions) * _HEIGHT,
        key=[
            keys.band(theme.MUTED, "prior", 0.25),
            keys.line(theme.BLUE, "posterior"),
            keys.dot(theme.VERMILLION, "TWFE, clustered s.e.", "s", interval=True),
        ],
    )
    for outcome, version, ax in each_version(figure, outcomes, versions):
        _draw(ax, outcome["versions"][version])
        ax.set_xlabel(f"Slope, {sentences.effect_unit(outcome)} for one unit of the moderator", size=theme.SMALL)
        theme.panel_title(ax, _panel_title(outcome, outcome["versions"][version]), TITLE_WIDTH, size=theme.SMALL + 0.5)
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
            f"{sentences.number(learned['posterior_sd'], digits)} after: what is known "
            f"{known_from(learned['verdict'])}."
        )
    return texts


def _title(outcomes: Values) -> str:
    verdicts = {name: outcome["versions"][outcome["main"]]["learned"]["verdict"] for name, outcome in outcomes.items()}
    if len(set(verdicts.values())) == 1:
        return f"What is known of the slope {known_from(next(iter(verdicts.values())))}"
    parts = [f"{outcomes[name]['label']}: {verdict}" for name, verdict in verdicts.items()]
    return f"Where what is known of the slope comes from: {'; '.join(parts)}"


def _panel_title(outcome: Values, answer: Values) -> str:
    contraction = sentences.number(answer["learned"]["contraction"], 2)
    return f"{outcome['label']}: {in_sentence(answer['title'])}; contraction {contraction}"


def _draw(ax: Axes, answer: Values) -> None:
    density = answer["density"]
    marks.zero_line(ax, vertical=True)
    marks.densities(ax, density["grid"], density["prior"], density["posterior"], theme.BLUE)
    top = max(density["posterior"])
    clustered = next((row for row in answer["frequentist"] if row["inference"] == "cluster"), None)
    if clustered is not None and clustered.get("lower") is not None:
        marks.dot(ax, 0.12 * top, {"mean": clustered["estimate"], **_ends(clustered)}, theme.VERMILLION, marker="s")
    ax.set_ylim(0, 1.08 * top)


def _ends(row: Values) -> dict[str, float]:
    return {end: row[end] for end in ("lower", "upper")}
