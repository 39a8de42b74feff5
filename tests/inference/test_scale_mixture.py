"""Student-t innovations by a Gibbs sampler: against dense normals, the density of a t, and NUTS on the PyMC model."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gamma, multivariate_normal
from scipy.stats import t as student

from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import build_design
from bri_bayes.design.linear_terms import build_terms
from bri_bayes.estimands.effects import att
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.fitting import fit
from bri_bayes.inference.marginal import to_parameters
from bri_bayes.inference.mixture_model import MixtureModel, by_name, coefficients_of, flat_blocks
from bri_bayes.inference.scale_mixture import _log_density_nu, covers
from bri_bayes.inference.to_datatree import linear_predictor
from bri_bayes.study.model_card import Effects, Errors, Likelihood, Sampler, Shocks

from .panels import make_card, make_panel

HEAVY = Likelihood("student_t")
CARDS = {
    "chain": {},
    "independent": {"errors": Errors("iid")},
    "walk": {"errors": Errors("random_walk")},
    "scale by unit": {"errors": Errors("ar1", "by_unit")},
    "walk, scale by unit": {"errors": Errors("random_walk", "by_unit")},
    "shocks like errors": {"shocks": Shocks("like_errors")},
    "shocks with a memory of their own": {"shocks": Shocks("ar1")},
    "leads, trends and a covariate": {"effects": Effects(leads=True, trend="unit_linear"), "covariates": ("x",)},
}


def mixture_of(card):
    """The model of a normal card on a panel with holes, and seven points."""
    design = build_design(*make_panel(), card)
    model = MixtureModel.build(build_terms(design, card), card)
    start = model.space.start()
    return design, model, start + 0.4 * np.random.default_rng(3).standard_normal((7, start.size))


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS)
def test_with_equal_variances_it_is_the_normal_model(changes):
    card = make_card(**changes)
    design, model, vectors = mixture_of(card)
    given = model.given(vectors, model.weighted(np.ones((7, model.serial.gap.size))))
    constant = -0.5 * model.serial.gap.size * np.log(2 * np.pi)
    closed = Collapsed.build(design, card).log_posterior(vectors)
    assert given.log_density + constant == pytest.approx(closed, rel=1e-9)


@pytest.mark.parametrize("structure", ["iid", "ar1", "random_walk"])
def test_with_unequal_variances_it_is_a_dense_normal(structure, rng):
    card = make_card(errors=Errors(structure), shocks=Shocks("random_walk"))
    _, model, vectors = mixture_of(card)
    n = model.serial.gap.size
    mixing = rng.gamma(2.0, 0.5, (7, n))
    given = model.given(vectors, model.weighted(mixing))
    hyper = model.space.values(vectors)
    phi, scale = model.transition(hyper, np.arange(n))
    columns, y = model.columns[:, :-1], model.columns[:, -1]
    dense = np.empty(7)
    for point in range(7):
        chain = np.eye(n)
        for row in range(n):
            if not model.serial.is_first[row]:
                chain[row, row - 1] = -phi[point, row]
        root = np.linalg.inv(chain) * (scale[point] / np.sqrt(mixing[point]))
        prior = np.zeros((columns.shape[1],) * 2)
        first = 0
        for block in model.blocks:
            last = first + block.columns.shape[1]
            sd = hyper[block.scale][point] if isinstance(block.scale, str) else block.scale
            at = {name: value[[point]] for name, value in hyper.items()}
            shape = np.eye(last - first) if block.dependence is None else block.dependence.covariance(at)[0]
            prior[first:last, first:last] = sd**2 * shape
            first = last
        covariance = root @ root.T + columns @ prior @ columns.T
        dense[point] = multivariate_normal(np.zeros(n), covariance).logpdf(y)
        innovation = np.linalg.inv(root)
        precision = (innovation @ columns).T @ (innovation @ columns) + np.linalg.inv(prior)
        factor = given.factor[point]
        assert (factor @ factor.T)[:-1, :-1] == pytest.approx(precision, rel=1e-8, abs=1e-8 * np.abs(precision).max())
        assert factor[:-1, :-1] @ factor[-1, :-1] == pytest.approx((innovation @ columns).T @ innovation @ y, rel=1e-7)
    known = 0.5 * np.log(mixing).sum(axis=1) - 0.5 * n * np.log(2 * np.pi)
    ours = given.log_density + known - model.space.log_prior(vectors)
    assert ours == pytest.approx(dense, rel=1e-8)


def test_the_density_of_nu_is_that_of_its_prior_and_of_t_innovations(rng):
    nu, innovations = np.array([2.3, 4.0, 11.0, 60.0]), rng.standard_t(5, (4, 30))
    by_scipy = student.logpdf(innovations, nu[:, None]).sum(axis=1) + gamma.logpdf(nu - 2, 2, scale=10) + np.log(nu - 2)
    assert np.diff(_log_density_nu(nu, innovations**2) - by_scipy) == pytest.approx(0, abs=1e-9)


def test_every_coefficient_comes_back_by_its_name(rng):
    card = make_card(shocks=Shocks("ar1"), covariates=("x",), effects=Effects(trend="unit_linear"))
    design, model, _ = mixture_of(card)
    terms = build_terms(design, card)
    flat = rng.standard_normal((3, coefficients_of(terms)))
    assert sum(block.columns.shape[1] for block in flat_blocks(terms)) == flat.shape[1]
    named = to_parameters(design, card, by_name(terms, flat) | {"sigma": np.ones(3)})
    assert linear_predictor(design, card, named) == pytest.approx(flat @ model.columns[:, :-1].T)


def test_what_it_does_not_cover_is_left_to_nuts():
    design = build_design(*make_panel(), make_card())
    assert covers(design, make_card(likelihood=HEAVY))
    assert not covers(design, make_card())
    assert not covers(design, make_card(likelihood=Likelihood("gamma")))
    large = build_design(*make_panel(n_units=120), make_card())
    assert not covers(large, make_card(likelihood=HEAVY))


@pytest.mark.parametrize("draws", [150, 103])
def test_a_seed_gives_the_same_draws_as_many_as_the_card_asks_for(draws):
    card = make_card(effects=Effects("common"), likelihood=HEAVY, sampler=Sampler(chains=2, draws=draws))
    first, again = (fit(Analysis(*make_panel(), card), seed=3, pointwise=False) for _ in range(2))
    assert first.diagnostics["engine"] == "gibbs"
    assert first.posterior["posterior"]["nu"].shape == (2, draws)
    assert first.posterior["posterior"].equals(again.posterior["posterior"])


@pytest.mark.nuts
def test_it_has_the_posterior_of_the_pymc_model():
    panel, assignment = make_panel(seed=4)
    panel["y"].loc[{"unit": "U0", "period": 2008}] += 6.0
    card = make_card(likelihood=HEAVY, sampler=Sampler(draws=500, target_accept=0.95))
    analysis = Analysis(panel, assignment, card)
    gibbs, nuts = fit(analysis, seed=1), fit(analysis, engine="nuts", seed=1)
    assert (gibbs.diagnostics["engine"], nuts.diagnostics["engine"]) == ("gibbs", "nuts")
    # Bulk ESS is above 400, so a mean is known to 0.05 sd: four of these for the difference of two.
    assert min(gibbs.diagnostics["ess"], nuts.diagnostics["ess"]) > 400
    assert gibbs.diagnostics["rhat"] < 1.01
    quantiles = [0.025, 0.25, 0.5, 0.75, 0.975]
    for name in nuts.posterior["posterior"]:
        ours, theirs = (some.posterior["posterior"][name] for some in (gibbs, nuts))
        sd = theirs.std(("chain", "draw"))
        assert abs((ours.mean(("chain", "draw")) - theirs.mean(("chain", "draw"))) / sd).max() < 0.3, name
        assert abs(ours.std(("chain", "draw")) / sd - 1).max() < 0.25, name
    for name in ("sigma", "rho", "nu", "omega", "eta"):
        ours, theirs = (some.posterior["posterior"][name].quantile(quantiles).to_numpy() for some in (gibbs, nuts))
        assert ours == pytest.approx(theirs, abs=0.15 * (theirs[3] - theirs[1]) + 0.1 * (theirs[4] - theirs[0])), name
    ours, theirs = att(gibbs), att(nuts)
    assert float(ours.mean()) == pytest.approx(float(theirs.mean()), abs=0.1 * float(theirs.std()))
    densities = [some.posterior["log_likelihood"]["y"].mean(("chain", "draw")).to_numpy() for some in (gibbs, nuts)]
    assert densities[0] == pytest.approx(densities[1], abs=0.2)
