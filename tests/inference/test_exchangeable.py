"""Is the posterior by classes of units that of the coefficients, unit by unit?"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.linear import att_effect, effects_by, effects_by_cell
from bri_bayes.inference import fit
from bri_bayes.inference.by_classes import att_by_classes, fit_by_classes
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.exchangeable import Exchangeable, covers_exchangeable, unit_classes
from bri_bayes.inference.linear_estimands import effect_functionals
from bri_bayes.study.model_card import load_card

# Two orders of the same sums: log densities of some hundreds, means and sds of about one.
SAME_LOG_DENSITY, SAME = 1e-8, 1e-10
# Rounding of the log density moves the proposals, whose spread comes from its finite differences; so much of a
# Monte Carlo error is left.
SAME_FIT = 1e-7


def _analysis(card, *, missing=0.0, onsets=(2006,), n_units=9):
    rng = np.random.default_rng(8)
    y = rng.normal(size=(n_units, 1)) + rng.normal(size=(n_units, 12)).cumsum(axis=1)
    y[rng.random(y.shape) < missing] = np.nan
    units = [f"u{i}" for i in range(n_units)]
    first = {unit: onsets[i % len(onsets)] if i < 4 else None for i, unit in enumerate(units)}
    coords = {"unit": units, "period": np.arange(2000, 2012)}
    panel = xr.Dataset({"y": (("unit", "period"), y)}, coords=coords, attrs={"kind": "simulation", "label": "made"})
    return Analysis(panel, Assignment(first), dataclasses.replace(load_card(card), outcome="y"))


@pytest.mark.parametrize(
    ("card", "missing", "onsets"),
    [
        ("did_shared", 0.0, (2006,)),
        ("did_shared", 0.05, (2005, 2008)),
        ("did_group_walk", 0.05, (2006,)),
        ("did_trend", 0.0, (2006,)),
        ("did_random_walk", 0.05, (2006,)),
        ("event_study", 0.0, (2005, 2008)),
        ("did_by_unit", 0.0, (2006,)),
    ],
)
def test_density_means_and_sds_are_those_of_the_coefficients(card, missing, onsets):
    design = _analysis(card, missing=missing, onsets=onsets).design
    recipe = dataclasses.replace(load_card(card), outcome="y")
    by_coefficient, by_class = Collapsed.build(design, recipe), Exchangeable.build(design, recipe)
    start = by_coefficient.space.start()
    vectors = start + 0.4 * np.random.default_rng(1).normal(size=(20, start.size))
    treated = design["treated"].to_numpy()
    weights = np.vstack([treated / treated.sum(), np.eye(treated.size)[np.flatnonzero(treated)[::5]]])
    functionals = effect_functionals(by_coefficient.terms, weights)
    density, mean, sd = by_class.given(vectors, functionals)
    expected = by_coefficient.given(vectors, functionals)
    np.testing.assert_allclose(density, expected[0], rtol=0, atol=SAME_LOG_DENSITY)
    np.testing.assert_allclose(mean, expected[1], rtol=0, atol=SAME)
    np.testing.assert_allclose(sd, expected[2], rtol=0, atol=SAME)
    np.testing.assert_allclose(by_class.log_posterior(vectors), expected[0], rtol=0, atol=SAME_LOG_DENSITY)


def test_a_fit_by_classes_gives_the_effects_of_the_ordinary_fit():
    analysis = _analysis("did_shared", onsets=(2005, 2008))
    ordinary, by_classes = fit(analysis, pointwise=False), fit_by_classes(analysis, 0)
    assert att_effect(by_classes).mean == pytest.approx(att_effect(ordinary).mean, abs=SAME_FIT)
    for of_classes, other in (
        (effects_by(by_classes, "unit"), effects_by(ordinary, "unit")),
        (effects_by(by_classes, "event_time"), effects_by(ordinary, "event_time")),
        (effects_by_cell(by_classes)["u1"], effects_by_cell(ordinary)["u1"]),
    ):
        assert {key: effect.lower for key, effect in of_classes.items()} == pytest.approx(
            {key: effect.lower for key, effect in other.items()}, abs=SAME_FIT
        )
    assert by_classes.log_marginal == pytest.approx(ordinary.log_marginal, abs=SAME_FIT)
    effect, khat = att_by_classes(analysis.design, analysis.card, 0)
    assert (effect.mean, khat) == (att_effect(by_classes).mean, by_classes.diagnostics["khat"])


def test_units_of_one_onset_and_the_same_gaps_are_a_class():
    design = _analysis("did").design
    assert sorted(map(len, unit_classes(design))) == [4, 5]
    assert len(unit_classes(_analysis("did", missing=0.1).design)) > 2


def test_cards_with_columns_that_differ_by_unit_are_not_covered():
    design = _analysis("did").design
    assert covers_exchangeable(design, load_card("did"))
    with_covariate = dataclasses.replace(load_card("did"), covariates=("x",))
    assert not covers_exchangeable(design, with_covariate)
    assert not covers_exchangeable(design, load_card("did_scale_by_unit"))
