"""The operations of a limit are counted by hand: they are those of kinds of units, not of units."""

from __future__ import annotations

from speed import limit, panels

from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.collapsed import Collapsed


def at_a_point(n_units: int) -> tuple[float, int]:
    """Operations at one point of the hyperparameters, and the same by hand for treated and control units."""
    recipe = panels.analysis(n_units, 12, 3)
    points = len(att_posterior(recipe.design, recipe.card, 0).points.vectors)
    terms = Collapsed.build(recipe.design, recipe.card).terms
    q, p = (sum(block.columns.shape[1] for block in level) for level in (terms.per_unit, terms.shared))
    r = p + 1
    by_hand = sum(q**3 / 3 + q * q * r + q * r * r for _ in ("treated", "control")) + r**3 / 3
    return limit.operations(recipe) / points, round(by_hand)


def test_two_kinds_of_units_are_counted_once_each_however_many_units_there_are() -> None:
    for n_units in (12, 60):
        counted, by_hand = at_a_point(n_units)
        assert round(counted) == by_hand
