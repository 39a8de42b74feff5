"""Sums over units that are formed once: the density and the answers of all units one by one."""

from __future__ import annotations

import numpy as np
import pytest

from bri_bayes.data.assignment import Assignment
from bri_bayes.design.design import build_design
from bri_bayes.inference import summed_units
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.conditional_predictive import rows_of
from bri_bayes.inference.linear_estimands import att_weights, effect_functionals
from bri_bayes.study.model_card import Contamination, Effects, Errors, Shocks

from .panels import make_card, make_panel

CARDS = {
    "chain": {},
    "iid": {"errors": Errors("iid")},
    "walk": {"errors": Errors("random_walk")},
    "covariate": {"covariates": ("x",)},
    "leads and trends": {"effects": Effects(leads=True, trend="unit_linear")},
    "no pooling": {"effects": Effects(pooling="none")},
    "correlated periods": {"effects": Effects(period="correlated"), "covariates": ("x",)},
    "drift": {"effects": Effects(trend="group_random_walk")},
}


def model_of(changes, *, holes=False, staggered=False, powers=None):
    card = make_card(**changes)
    panel, assignment = make_panel(holes=holes, n_units=8)
    if staggered:
        assignment = Assignment(assignment.first_treated | {"U1": 2004, "U2": 2004, "U3": 2008})
    design = build_design(panel, assignment, card)
    model = Collapsed.build(design, card)
    if powers is not None:
        model = model.with_powers(powers)
    vectors = model.space.start() + 0.6 * np.random.default_rng(3).standard_normal((9, model.space.start().size))
    return design, model, vectors


def unit_by_unit(model, vectors, functionals):
    density, mean, sd = model._given(vectors, functionals)
    return density, mean, sd


def same(model, vectors, functionals):
    ours = model.summed.given(model.space.values(vectors), functionals)
    for new, old in zip(ours, unit_by_unit(model, vectors, functionals), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-9, atol=1e-9)
    density, *_ = model.summed.given(model.space.values(vectors))
    np.testing.assert_allclose(density, ours[0], rtol=1e-12)


@pytest.mark.parametrize("kind", ["balanced", "holes", "staggered"])
@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS)
def test_sums_have_the_density_and_the_effect_of_all_units_one_by_one(changes, kind, monkeypatch):
    monkeypatch.setattr(summed_units, "_LEAST", 10_000)  # with holes no unit is like another
    design, model, vectors = model_of(changes, holes=kind == "holes", staggered=kind == "staggered")
    same(model, vectors, effect_functionals(model.terms, att_weights(design, make_card(**changes))[None]))


@pytest.mark.parametrize("count", [1, summed_units._FEW, summed_units._FEW + 1, 40])
def test_any_number_of_functionals_of_all_coefficients_has_the_moments_of_all_units_one_by_one(count):
    _, model, vectors = model_of({"covariates": ("x",)})
    rng = np.random.default_rng(count)
    q, p = (sum(block.columns.shape[1] for block in level) for level in (model.terms.per_unit, model.terms.shared))
    of_units = rng.standard_normal((count, model.terms.n_units, q))
    same(model, vectors, Coefficients(of_units, np.zeros((count, 1, 0)), rng.standard_normal((count, p))))


@pytest.mark.parametrize("powers", [np.full(8, 0.9), np.linspace(0.2, 1.5, 8)], ids=["alike", "of each unit"])
def test_powers_of_the_likelihood_count(powers, monkeypatch):
    monkeypatch.setattr(summed_units, "_LEAST", 10_000)
    design, model, vectors = model_of({"covariates": ("x",)}, powers=powers)
    same(model, vectors, effect_functionals(model.terms, att_weights(design, make_card())[None]))


def test_a_unit_without_rows_has_its_prior():
    design, model, vectors = model_of({})
    some = rows_of(model.terms, np.flatnonzero(model.terms.unit_ix != 3))
    without = Collapsed.of(some, make_card(), model.space)
    assert without.terms.n_units == model.terms.n_units
    q = sum(block.columns.shape[1] for block in some.per_unit)
    of_units = np.random.default_rng(0).standard_normal((2, some.n_units, q))
    shared = effect_functionals(model.terms, att_weights(design, make_card())[None]).shared
    same(without, vectors, Coefficients(of_units, np.zeros((2, 1, 0)), np.repeat(shared, 2, axis=0)))


def test_errors_that_hardly_fade_lose_no_digits():
    """The parts of the precision cancel as rho nears one."""
    design, model, vectors = model_of({"covariates": ("x",)})
    names = list(model.space.names)
    vectors[:, names.index("rho")] = np.linspace(3.0, 8.0, len(vectors))
    assert model.space.values(vectors)["rho"].max() > 0.999
    same(model, vectors, effect_functionals(model.terms, att_weights(design, make_card())[None]))


def test_the_model_asks_the_sums_where_there_are_any():
    for changes, takes in (
        ({}, True),
        ({"errors": Errors("ar1", scale="by_unit")}, False),
        ({"errors": Errors("ar1_noise")}, False),
        ({"shocks": Shocks("like_errors")}, False),
    ):
        assert (model_of(changes)[1].summed is not None) == takes
    panel, assignment = make_panel(holes=False, n_units=8)
    card = make_card(contamination=Contamination(since={"U7": 2007}))
    assert Collapsed.build(build_design(panel, assignment, card), card).summed is None


def test_units_of_which_none_is_like_another_go_one_by_one(monkeypatch):
    monkeypatch.setattr(summed_units, "_LEAST", 0)
    monkeypatch.setattr(summed_units, "_A_UNIT", 1)
    _, model, vectors = model_of({})
    assert model.summed is None
    assert np.isfinite(model.log_posterior(vectors)).all()
