"""What did the propensity model say before it saw who was treated, and what after? Prior predictive and scores."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, PercentFormatter

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.figures import keys, marks, theme
from bri_bayes.report.figures.overlap import GROUPS

# Rows of a unit: the prior a little above the posterior.
_APART = 0.16


@theme.themed
def propensity_prior(values: Values) -> Figure:
    """Left the number of treated units that the prior expects, right each score under prior and posterior."""
    score = values["propensity"]["score"]
    units = sorted(score["units"], key=lambda row: row["score"]["mean"])
    figure = theme.page(
        values,
        _title(values),
        f"Logit of treatment on averages of {score['years'][0]}-{score['years'][1]}: {_listed(score)}. Left: how many "
        "treated units the prior expects; right: 95% intervals and means of each unit's probability of treatment.",
        body=0.3 * len(units) + 1.2,
        key=[
            keys.dot(theme.MUTED, "prior", interval=True),
            keys.dot(theme.BLUE, "posterior, treated", interval=True),
            keys.dot(theme.INK, "posterior, control", "s", interval=True),
        ],
    )
    counts, scores = figure.subplots(1, 2, width_ratios=(1, 1.5))
    shares = score["prior_predictive"]
    colors = [theme.BLUE if count == score["n_treated"] else theme.FAINT for count in range(len(shares))]
    counts.bar(range(len(shares)), shares, color=colors, edgecolor=theme.MUTED, linewidth=0.8)
    counts.set_xticks(range(len(shares)))
    counts.yaxis.set_major_locator(MultipleLocator(0.05 if max(shares) < 0.4 else 0.2))
    counts.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    counts.set_xlabel(f"Treated units of {len(units)}; {score['n_treated']} are (filled)")
    counts.set_ylabel("Share of prior draws")
    theme.panel_title(counts, "Prior predictive", 3)
    for y, row in enumerate(units):
        color, marker = GROUPS[row["treated"]]
        for record, look, shift in (
            (row["prior"], (theme.MUTED, "o"), -_APART),
            (row["score"], (color, marker), _APART),
        ):
            effect = {end: record[end] for end in ("mean", "lower", "upper")}
            marks.dot(scores, y + shift, effect, look[0], marker=look[1])
    marks.row_axis(scores, {float(y): row["name"] for y, row in enumerate(units)}, show=True)
    scores.set_xlim(-0.02, 1.02)
    scores.set_xlabel("Probability of treatment")
    theme.panel_title(scores, "Prior and posterior of each score", 4)
    return figure


def caption(values: Values) -> list[str]:
    """How far the data moved the scores, and that the prior keeps them finite."""
    score, outcomes = values["propensity"]["score"], values["propensity"]["outcomes"]
    texts = [
        f"{_title(values)}. Priors: Student-t on the log odds for one sd of a covariate; before the data a score lies "
        f"between {sentences.number(min(row['prior']['lower'] for row in score['units']), 2)} and "
        f"{sentences.number(max(row['prior']['upper'] for row in score['units']), 2)}."
    ]
    if next(iter(outcomes.values()))["logit"].get("refused"):
        texts.append("Without the prior there is no estimate: the covariates separate the two groups.")
    return texts


def _title(values: Values) -> str:
    units = values["propensity"]["score"]["units"]
    moved = [row for row in units if row["score"]["sd"] < 0.5 * row["prior"]["sd"]]
    noun = sentences.unit_noun(values)
    return (
        f"The prior leaves every score open; the data halve the spread of {len(moved)} in {len(units)} {noun}' scores"
    )


def _listed(score: Any) -> str:
    labels = [row["label"] for row in score["coefficients"] if row["term"] != "intercept"]
    return ", ".join(labels)
