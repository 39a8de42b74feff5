"""How much does a refit lose that takes few points?"""

import dataclasses

import pytest

from bri_bayes.checks.refits import refit, with_few_points
from bri_bayes.inference.importance import FEW_POINTS
from bri_bayes.study.model_card import Errors
from tests.checks.panels import recipe

# With noise, 16,384 have a k-hat above its limit and become 262,144: twenty seconds for a mean 0.001 posterior sd away.
MANY = 4096


@pytest.mark.parametrize("structure", ["iid", "ar1", "ar1_noise"])
def test_few_points_move_the_mean_and_the_interval_by_little_of_the_sd(structure):
    analysis = recipe(effect=0.3, errors=Errors(structure))[0]
    few = with_few_points(analysis)
    assert few.card.sampler.proposals == min(FEW_POINTS, analysis.card.sampler.proposals)
    assert few.design is analysis.design
    many = analysis.sampled(dataclasses.replace(analysis.card.sampler, proposals=MANY))
    exact, quick = refit(many, 1).att, refit(few, 0).att
    assert abs(quick.mean - exact.mean) < 0.01 * exact.sd
    assert abs(quick.lower - exact.lower) < 0.03 * exact.sd
    assert abs(quick.upper - exact.upper) < 0.03 * exact.sd


@pytest.mark.parametrize("structure", ["iid", "ar1", "ar1_noise"])
def test_a_variant_that_its_main_recipe_places_has_the_answer_of_a_search_of_its_own(structure):
    analysis = recipe(effect=0.3, errors=Errors(structure))[0]
    treated, controls = analysis.assignment.treated_units, analysis.assignment.never_treated
    few = analysis.replace(assignment=analysis.assignment.restrict([*treated, controls[0]]))
    many = few.sampled(dataclasses.replace(few.card.sampler, proposals=MANY))
    exact, placed = refit(many, 1), refit(few, 0, variant_of=analysis)
    assert placed.trustworthy
    assert abs(placed.att.mean - exact.att.mean) < 0.01 * exact.att.sd
    assert abs(placed.att.lower - exact.att.lower) < 0.03 * exact.att.sd
    assert placed.log_marginal == pytest.approx(exact.log_marginal, abs=0.02)
