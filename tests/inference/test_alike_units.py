"""Units of a kind are rotated into an average and contrasts: the density and the answers of all units one by one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr
from scipy.stats import multivariate_normal

from bri_bayes.design.design import build_design
from bri_bayes.design.linear_terms import period_contrasts
from bri_bayes.inference.batch import _att, _ManyOutcomes
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.conditional_predictive import HeldOut
from bri_bayes.inference.linear_estimands import att_weights, effect_functionals
from bri_bayes.study.model_card import Effects, Errors, Shocks

from .panels import make_card, make_panel

NOISE = {"errors": Errors("ar1_noise")}
# The treated ones are U0 to U3.
GROUPS = {
    "the treated ones are one": None,
    "pairs": ["a", "a", "b", "b", "c", "c", "d", "d"],
    "of two sizes": ["a", "a", "a", "b", "c", "c", "", ""],
    "nobody shares": [""] * 8,
}
CARDS = {
    "noise": NOISE,
    "shocks like errors": NOISE | {"shocks": Shocks("like_errors")},
    "shocks with a memory of their own": NOISE | {"shocks": Shocks("ar1")},
    "shocks beside a chain": {"shocks": Shocks("random_walk")},
    "walks of both": {"errors": Errors("random_walk"), "shocks": Shocks("like_errors")},
    "covariate": NOISE | {"shocks": Shocks("like_errors"), "covariates": ("x",)},
    "leads and trends": NOISE | {"effects": Effects(leads=True, trend="unit_linear")},
    "no pooling": NOISE | {"effects": Effects(pooling="none"), "shocks": Shocks("like_errors")},
}


def model_of(card, groups=None, missing=False):
    """The model of a card on eight units; ``missing`` : the last two have no rows in the first three periods."""
    panel, assignment = make_panel(holes=False, n_units=8)
    if missing:
        panel["y"] = panel["y"].where(~(panel["unit"].isin(["U6", "U7"]) & (panel["period"] < 2003)))
    if groups is not None:
        panel = panel.assign_coords(group=("unit", groups))
    design = build_design(panel, assignment, card)
    model = Collapsed.build(design, card)
    functional = effect_functionals(model.terms, att_weights(design, card)[None])
    vectors = model.space.start() + 0.4 * np.random.default_rng(3).standard_normal((7, model.space.start().size))
    return design, model, functional, vectors


@pytest.mark.parametrize("missing", [False, True], ids=["balanced", "late starters"])
@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS)
def test_kinds_have_the_density_and_the_effect_of_all_units_one_by_one(changes, groups, missing):
    _, model, functional, vectors = model_of(make_card(**changes), groups, missing)
    one_by_one = dataclasses.replace(model, structure=None)
    assert model.alike is not None
    assert one_by_one.alike is None
    assert model.log_posterior(vectors) == pytest.approx(one_by_one.log_posterior(vectors), rel=1e-10)
    for ours, theirs in zip(model.given(vectors, functional), one_by_one.given(vectors, functional), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9)


def test_the_density_is_the_multivariate_normal_one():
    card = make_card(**CARDS["shocks like errors"])
    _, model, _, vectors = model_of(card, GROUPS["pairs"], missing=True)
    terms, hyper = model.terms, model.space.values(vectors)
    groups = terms.group_ix[terms.unit_ix]
    distance = np.abs(np.subtract.outer(terms.period, terms.period))
    for point, density in enumerate(model.log_posterior(vectors) - model.space.log_prior(vectors)):
        at = {name: value[point] for name, value in hyper.items()}
        errors = at["sigma"] ** 2 * at["rho"] ** distance / (1 - at["rho"] ** 2) + at["noise"] ** 2 * (distance == 0)
        covariance = errors * np.equal.outer(terms.unit_ix, terms.unit_ix)
        covariance += at["shock_ratio"] ** 2 * errors * np.equal.outer(groups, groups)
        for block in (*terms.per_unit, *terms.shared):
            scale = at[block.scale] if isinstance(block.scale, str) else block.scale
            same = np.equal.outer(terms.unit_ix, terms.unit_ix) if block in terms.per_unit else 1.0
            covariance += scale**2 * (block.columns @ block.columns.T) * same
        assert density == pytest.approx(multivariate_normal(cov=covariance).logpdf(terms.y), rel=1e-9)


@pytest.mark.parametrize("missing", [False, True], ids=["balanced", "late starters"])
@pytest.mark.parametrize("name", ["noise", "shocks like errors", "covariate", "shocks beside a chain"])
def test_many_outcomes_are_each_what_it_is_alone(name, missing):
    card = make_card(**CARDS[name])
    design, model, functional, vectors = model_of(card, GROUPS["pairs"], missing)
    y = np.random.default_rng(5).standard_normal((3, model.terms.y.size))
    many = _ManyOutcomes.build(design, card, _att)
    assert many._alike is not None
    density, means, sds = many.evaluate(vectors, y)
    for position, outcome in enumerate(y):
        alone = dataclasses.replace(model.with_outcome(outcome), structure=None).given(vectors, functional)
        for ours, theirs in zip((density[position], means[position], sds), alone, strict=True):
            assert ours == pytest.approx(np.squeeze(theirs), rel=1e-8)


@pytest.mark.parametrize("missing", [False, True], ids=["balanced", "late starters"])
@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("name", ["noise", "shocks like errors", "shocks beside a chain", "walks of both", "chain"])
def test_rows_given_all_others_have_the_density_of_all_units_one_by_one(name, groups, missing):
    _, model, _, vectors = model_of(make_card(**CARDS.get(name, {})), groups, missing)
    hyper, ours, theirs = (
        model.space.values(vectors),
        HeldOut(model),
        HeldOut(dataclasses.replace(model, structure=None)),
    )
    assert ours._alike is not None
    assert theirs._alike is None
    assert ours.row_log_density(hyper) == pytest.approx(theirs.row_log_density(hyper), rel=1e-8, abs=1e-8)
    some = np.array([3, 40, 41])
    assert ours.row_log_density(hyper, some) == pytest.approx(ours.row_log_density(hyper)[:, some], rel=1e-12)
    unit, period = model.terms.unit_ix, model.terms.period
    for rows in (np.flatnonzero(unit == 1), np.flatnonzero(unit == 7), np.flatnonzero(period == 2006)):
        contrasts = period_contrasts(rows.size).T
        density = theirs.contrast_log_density(hyper, rows, contrasts)
        assert ours.contrast_log_density(hyper, rows, contrasts) == pytest.approx(density, rel=1e-8, abs=1e-8)


def test_a_group_of_treated_and_untreated_units_is_taken_one_by_one():
    card = make_card(**CARDS["shocks like errors"])
    assert model_of(card, ["a", "", "", "", "a", "", "", ""])[1].alike is None
    assert model_of(make_card(), None)[1].alike is None, "a chain of errors is faster by its parts"


def test_many_kinds_are_taken_one_by_one_and_many_units_of_few_kinds_by_their_moments():
    panel, assignment = make_panel(holes=False, n_units=60)
    many = Collapsed.build(build_design(panel, assignment, make_card()), make_card())
    assert [len(kind.units) for kind in many.alike.kinds] == [30, 30]
    assert all(level.moments is not None for _, levels in many.alike.patterns for level in levels)
    vectors = many.space.start()[None] + 0.1
    one_by_one = dataclasses.replace(many, structure=None)
    assert many.log_posterior(vectors) == pytest.approx(one_by_one.log_posterior(vectors), rel=1e-10)
    first = xr.DataArray(2000 + np.minimum(np.arange(60) % 7, 5), dims="unit")
    panel["y"] = panel["y"].where(panel["period"] >= first)
    assert Collapsed.build(build_design(panel, assignment, make_card()), make_card()).alike is None


def test_an_effect_that_counts_units_differently_is_answered_by_all_units_one_by_one():
    _, model, functional, vectors = model_of(make_card(**NOISE))
    weights = functional.per_unit.copy()
    weights[:, 0] *= 3
    uneven = Coefficients(weights, functional.grouped, functional.shared)
    assert model.alike.loads(uneven) is None
    theirs = dataclasses.replace(model, structure=None).given(vectors, uneven)
    assert model.given(vectors, uneven)[1] == pytest.approx(theirs[1], rel=1e-12)
