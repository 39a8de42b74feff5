"""Do the steps from least squares to the posterior add up, and find the assumption that makes the difference?"""

import dataclasses

import pytest

from bri_bayes.estimands.first_answer import average_effect
from bri_bayes.estimands.why_different import LASTING, NOISE, PRIORS, SHARED, Difference, Move, steps_to, why_different
from bri_bayes.frequentist.twfe import fit_twfe
from bri_bayes.presentation.estimate_text import difference_text
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.model_card import Errors, Shocks, load_card
from tests.checks.panels import SAMPLER, recipe


def of(analysis):
    return why_different(analysis, fit_twfe(analysis.design).estimate, seed=0)


def test_the_moves_add_up_to_the_difference_and_the_last_card_is_the_one_that_is_shown():
    analysis = recipe(effect=0.3)[0]
    card = dataclasses.replace(load_card("did_shared"), outcome="y", sampler=SAMPLER)
    analysis = analysis.replace(card=card)
    difference = of(analysis)
    assert difference.least_squares + sum(move.moved for move in difference.moves) == pytest.approx(
        difference.posterior
    )
    assert difference.posterior == pytest.approx(average_effect(analysis.design, card, 0)[0].mean)
    assert [move.component for move in difference.moves][::3] == [PRIORS, SHARED]


def test_treated_units_that_drift_away_differ_by_the_weights_that_lasting_errors_give():
    """Least squares takes the drift for an effect; with errors that last the years next to the onset count most."""
    difference = of(recipe(trend=0.1, rho=0.9)[0])
    assert abs(difference.posterior - difference.least_squares) > 0.1
    assert difference.largest.component == LASTING
    assert "Most of the difference comes from errors that last." in difference_text(difference, 2)


def test_a_difference_of_small_numbers_keeps_its_digits():
    difference = Difference(0.0041, 0.0012, [Move(PRIORS, 0.0012, -0.0029)])
    assert "gives +0.0041, the posterior +0.0012" in difference_text(difference, 4)


def test_a_narrow_prior_is_what_differs_where_errors_are_independent():
    analysis = recipe(effect=1.0, rho=0.0, errors=Errors("iid"), priors=Priors(effect=0.1, effect_unit=0.05))[0]
    assert analysis.card.shocks == Shocks()
    difference = of(analysis)
    assert [move.component for move in difference.moves] == [PRIORS]
    assert difference.posterior < 0.9 * difference.least_squares


def test_a_step_that_is_known_is_taken_as_it_is():
    analysis = recipe(effect=0.3)[0]
    known = {card.digest: 0.25 for component, card in steps_to(analysis.card) if component == LASTING}
    difference = why_different(analysis, 0.4, seed=0, known=known)
    assert difference is not None
    assert difference.moves[-1] == Move(LASTING, 0.25, 0.25 - difference.moves[0].effect)


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ((0.003, 0.001, -0.031, -0.083, -0.114), "comes from errors that last and noise of single years together."),
        ((0.3, 0.29, 0.05, 0.04, 0.0), "Most of the difference comes from errors that last."),
        ((0.0, 0.1, 0.2, 0.22, 0.3), "No assumption makes most of the difference; the largest step is that of"),
    ],
)
def test_most_is_said_of_more_than_half_alone(effects, said):
    names = (PRIORS, LASTING, NOISE, SHARED)
    moves = [
        Move(name, after, after - before) for name, before, after in zip(names, effects, effects[1:], strict=False)
    ]
    assert said in difference_text(Difference(effects[0], effects[-1], moves), 3)
