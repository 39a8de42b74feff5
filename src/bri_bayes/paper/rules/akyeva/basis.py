"""What do the rules on this paper share? The columns that its claim rests on, and those of its placebos."""

from __future__ import annotations

from bri_bayes.paper.rules.basis import years
from bri_bayes.paper.tables import Published, Regression

BRI = "BRI"


def onset(published: Published) -> int:
    """The first treated year, from the text."""
    return int(published.statement("onset").value)


def post_share(published: Published, first_treated: int) -> float:
    """The share of the years from ``first_treated`` on."""
    return (published.statement("last_year").value - first_treated + 1) / years(published)


def headline(published: Published, outcome: str) -> Regression | None:
    """The column that the paper's claim rests on: the first with BRI, its own onset and country effects."""
    candidates = (
        regression
        for regression in published.regressions()
        if regression.outcome == outcome and regression.unit_effects and BRI in regression.regressors
    )
    return next(candidates, None)


def headlines(published: Published) -> tuple[Regression, ...]:
    """The headline column of each outcome for which the text claims an effect."""
    outcomes = published.statement("outcomes_of_the_tables").words
    return tuple(column for outcome in outcomes if (column := headline(published, outcome)) is not None)


def fake_onsets(published: Published, outcome: str) -> tuple[Regression, ...]:
    """The columns of an outcome whose BRI starts in another year than the text says."""
    return tuple(
        regression
        for regression in published.regressions()
        if regression.outcome == outcome and regression.onset not in (None, onset(published))
    )
