"""Assignments of equal units against the general engine, at the same hyperparameters, to rounding."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.assignment_columns import are_equal
from bri_bayes.inference.assignments import _ManyAssignments, att_of_assignments
from bri_bayes.inference.equal_units import EqualUnits

from .panels import make_card, make_panel
from .test_assignments import CARDS, groups_of, late_start

EQUAL = {name: changes for name, changes in CARDS.items() if "covariates" not in changes}


def recipe(**changes):
    panel, assignment = make_panel(seed=2, holes=False)
    return Analysis(panel, assignment, make_card(**changes))


@pytest.mark.parametrize("changes", EQUAL.values(), ids=EQUAL.keys())
@pytest.mark.parametrize("size", [1, 3])
def test_equal_units_give_density_mean_and_sd_of_the_general_engine(changes, size):
    analysis = recipe(**changes)
    groups = groups_of(6, size)
    general = _ManyAssignments.build(analysis.design, analysis.card, 2006)
    equal = EqualUnits.build(analysis.design, analysis.card, 2006)
    start = equal.space.start()
    vectors = start + 0.5 * np.random.default_rng(1).standard_normal((20, start.size))
    ours = equal.evaluate(vectors, groups)
    theirs = general.evaluate(vectors, np.nonzero(groups)[1].reshape(len(groups), -1))
    for our, their in zip(ours, theirs, strict=True):
        assert our == pytest.approx(their, rel=1e-11, abs=1e-9)


def test_groups_of_several_sizes_together_are_each_size_by_itself():
    model = EqualUnits.build(recipe().design, recipe().card, 2006)
    by_size = [groups_of(6, size)[:4] for size in (4, 1, 2)]
    start = model.space.start()
    vectors = start + 0.5 * np.random.default_rng(1).standard_normal((20, start.size))
    together = model.evaluate(vectors, np.concatenate(by_size))
    alone = [model.evaluate(vectors, groups) for groups in by_size]
    for ours, theirs in zip(together, zip(*alone, strict=True), strict=True):
        assert ours == pytest.approx(np.concatenate(theirs), rel=1e-12, abs=1e-10)


def test_a_batch_has_the_answer_of_a_group_alone_within_monte_carlo_error():
    analysis = recipe()
    groups = np.concatenate([groups_of(6, size)[:3] for size in (1, 2, 5)])
    batch = att_of_assignments(analysis.design, analysis.card, groups, 2006, points=1000)
    for i in (0, 8):
        alone = att_of_assignments(analysis.design, analysis.card, groups[[i]], 2006, points=1000)
        sd = float(alone["sd"][0])
        assert float(batch["mean"][i]) == pytest.approx(float(alone["mean"][0]), abs=0.06 * sd)
        assert float(batch["sd"][i]) == pytest.approx(sd, rel=0.05)


def test_a_gap_a_covariate_or_sizes_that_differ_go_the_general_way():
    panel, assignment = make_panel(seed=2, holes=False)
    card = make_card()
    assert are_equal(Analysis(panel, assignment, card).design, card)
    assert not are_equal(Analysis(late_start(panel), assignment, card).design, card)
    adjusted = dataclasses.replace(card, covariates=("x",))
    design = Analysis(panel, assignment, adjusted).design
    assert not are_equal(design, adjusted)
    with pytest.raises(InputError, match="groups of one size are needed, not of 1 to 2 units"):
        att_of_assignments(design, adjusted, np.array([[1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]], dtype=bool), 2006)
