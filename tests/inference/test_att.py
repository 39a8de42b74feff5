"""The posterior of the ATT without draws: against draws, dense matrices, and itself in other units."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.design.analysis import Analysis
from bri_bayes.design.linear_terms import build_terms
from bri_bayes.estimands.effects import att
from bri_bayes.inference import fit
from bri_bayes.inference.att import Powers, att_given, att_posterior, powered, prior_blocks, with_scale
from bri_bayes.inference.hyperparameters import hyperparameters
from bri_bayes.inference.linear_estimands import att_weights, effect_functionals
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.model_card import Effects, Errors, Sampler, Shocks

from .panels import make_card, make_panel

# 2,000 draws: the mean of mirrored pairs is nearly exact, an sd is known to 2%.
MEAN_SHARE, SD_SHARE = 0.05, 0.08
# Rounding of two orders of elimination.
ROUNDING = 1e-7

WALK = Effects(treatment="event_time", trend="group_random_walk")
CARDS = {
    "default": {},
    "scale by unit": {"errors": Errors("ar1", "by_unit")},
    "walk": {"effects": WALK},
    "leads": {"effects": Effects(treatment="event_time", pooling="none", leads=True), "errors": Errors("iid")},
}


def design_of(seed=3, **changes):
    card = make_card(**changes)
    return Analysis(*make_panel(seed=seed), card).design, card


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
def test_the_mixture_has_the_mean_and_spread_of_draws_of_the_same_posterior(changes):
    analysis = Analysis(*make_panel(seed=3), make_card(**changes))
    exact = att_posterior(analysis.design, analysis.card, seed=1).effect.as_dict()
    draws = att(fit(analysis, pointwise=False)).to_numpy()
    assert exact["mean"] == pytest.approx(draws.mean(), abs=MEAN_SHARE * draws.std())
    assert exact["sd"] == pytest.approx(draws.std(), rel=SD_SHARE)
    assert exact["p_positive"] == pytest.approx((draws > 0).mean(), abs=0.03)


@pytest.mark.parametrize("power", [1.0, 0.7, 1.6])
def test_a_power_of_the_likelihood_is_that_of_dense_matrices(power):
    """log int p(y|b)^a p(b) db, and the Gaussian conditional of the ATT, at two hyperparameter vectors."""
    design, card = design_of(effects=WALK)
    terms = build_terms(design, card)
    space = hyperparameters(terms, card)
    vectors = np.array([[-0.4, 0.3, -0.5, 0.2], [-0.2, 0.9, 0.4, -0.6]])
    assert space.dimension == vectors.shape[1]
    log_density, means, sds = att_given(design, card, vectors, Powers(likelihood=power))
    log_density = log_density - space.log_prior(vectors)
    functional = effect_functionals(terms, att_weights(design, card)[None])
    own_c, shared_c = functional.per_unit[0], functional.shared[0]
    expected = [_dense(terms, _at(space, vectors, j), power, own_c, shared_c) for j in range(2)]
    scale = design.attrs["y_scale"]
    assert means == pytest.approx([mean * scale for _, mean, _ in expected], rel=ROUNDING)
    assert sds == pytest.approx([sd * scale for *_, sd in expected], rel=ROUNDING)
    assert log_density[0] - log_density[1] == pytest.approx(expected[0][0] - expected[1][0], rel=1e-6)


def _at(space, vectors, j):
    return {name: float(value[j]) for name, value in space.values(vectors).items()}


def _dense(terms, hyper, power, own_c, shared_c):
    n_units = int(terms.unit_ix.max()) + 1
    columns, variances, weights = [], [], []
    position = 0
    for block in terms.per_unit:
        scale = hyper[block.scale] if isinstance(block.scale, str) else block.scale
        for column in block.columns.T:
            for unit in range(n_units):
                columns.append(column * (terms.unit_ix == unit))
                variances.append(scale**2)
                weights.append(own_c[unit, position])
            position += 1
    position = 0
    for block in terms.shared:
        scale = hyper[block.scale] if isinstance(block.scale, str) else block.scale
        for column in block.columns.T:
            columns.append(column)
            variances.append(scale**2)
            weights.append(shared_c[position])
            position += 1
    z, v, c = np.column_stack(columns), np.array(variances), np.array(weights)
    same = terms.unit_ix[:, None] == terms.unit_ix[None, :]
    lag = np.abs(terms.period[:, None] - terms.period[None, :])
    errors = same * hyper["sigma"] ** 2 / (1 - hyper["rho"] ** 2) * hyper["rho"] ** lag
    q = np.linalg.inv(errors)
    marginal = errors / power + (z * v) @ z.T
    log_density = -0.5 * (np.linalg.slogdet(marginal)[1] + terms.y @ np.linalg.solve(marginal, terms.y))
    log_density += 0.5 * (power - 1) * np.linalg.slogdet(q)[1]
    precision = power * z.T @ q @ z + np.diag(1 / v)
    mean = np.linalg.solve(precision, power * z.T @ q @ terms.y)
    return log_density, float(c @ mean), float(np.sqrt(c @ np.linalg.solve(precision, c)))


def test_a_power_of_a_normal_prior_divides_its_scale_by_the_root():
    card, powers = powered(make_card(), ("effect", "effect_unit"), 4.0)
    assert (card.priors.effect, card.priors.effect_unit) == (1.0, 0.5)
    assert powers == Powers()


def test_a_power_leaves_a_flat_correlation_prior_flat_and_sharpens_another():
    assert powered(make_card(), ("rho",), 1.7)[0].priors.rho == (1.0, 1.0)
    card = make_card(priors=Priors(rho=(3.0, 2.0)))
    assert powered(card, ("rho",), 2.0)[0].priors.rho == (5.0, 3.0)


def test_a_power_of_the_prior_of_sigma_adds_its_log_density_once_more():
    design, card = design_of()
    space = hyperparameters(build_terms(design, card), card)
    vectors = np.tile(space.start(), (2, 1)) + np.array([[0.0], [0.3]])
    plain, _, _ = att_given(design, card, vectors)
    twice, _, _ = att_given(design, card, vectors, Powers(sigma=2.0))
    sigma = space.values(vectors)["sigma"]
    half_t = -2 * np.log1p(sigma**2 / 3)
    assert np.diff(twice - plain) == pytest.approx(np.diff(half_t), rel=1e-9)


def test_the_posterior_multiplies_with_the_outcome():
    panel, assignment = make_panel(seed=5)
    card = make_card(effects=WALK)
    small = att_posterior(Analysis(panel, assignment, card).design, card, seed=0).effect.as_dict()
    large = att_posterior(
        Analysis(panel.assign(y=100 * panel["y"]), assignment, card).design, card, seed=0
    ).effect.as_dict()
    assert [large[name] for name in ("mean", "sd", "lower")] == pytest.approx(
        [100 * small[name] for name in ("mean", "sd", "lower")], rel=1e-6
    )
    assert large["p_positive"] == pytest.approx(small["p_positive"], abs=1e-9)


def test_every_prior_of_a_card_is_a_block_of_one_that_uses_it():
    design, card = design_of()
    assert prior_blocks(design, card) == (
        "unit",
        "period",
        "effect",
        "effect_step",
        "effect_growth",
        "effect_unit",
        "sigma",
        "rho",
    )
    trend = make_card(effects=Effects(treatment="common", trend="unit_linear"), covariates=("x",), errors=Errors("iid"))
    design = Analysis(*make_panel(seed=3), trend).design
    assert prior_blocks(design, trend) == ("unit", "period", "effect", "covariate", "trend", "sigma")


def test_half_the_scale_of_the_correlation_prior_pulls_it_towards_zero():
    assert with_scale(make_card(), "rho", 0.5).priors.rho == (2.0, 2.0)
    assert with_scale(make_card(), "effect", 2.0).priors == dataclasses.replace(Priors(), effect=4.0)


SHARED_CARD = {"errors": Errors("ar1_noise"), "shocks": Shocks("like_errors"), "sampler": Sampler(proposals=4096)}
# Two importance samples of one posterior, in posterior sds; and in quantities that are medians of scales.
SAMPLES_APART = 0.03


@pytest.fixture(scope="module")
def shared_posterior():
    """The design, the card, and its posterior, to be read only."""
    design, card = design_of(**SHARED_CARD)
    return design, card, att_posterior(design, card, seed=0)


@pytest.mark.parametrize("block", ["shock", "effect_unit", "effect_step", "sigma", "rho", "noise"])
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_points_reweighted_for_another_prior_are_the_card_fitted_again(shared_posterior, block, factor):
    design, card, posterior = shared_posterior
    changed = with_scale(card, block, factor)
    points, again = posterior.under(changed), att_posterior(design, changed, seed=1)
    assert points is not None
    effect = NormalMixtures(points.weights[None, :], posterior.mixture.means, posterior.mixture.sds).effects()[0]
    assert effect.mean == pytest.approx(again.effect.mean, abs=SAMPLES_APART * again.effect.sd)
    assert effect.sd == pytest.approx(again.effect.sd, rel=SAMPLES_APART)
    name = {"shock": "shock_ratio", "effect_unit": "omega", "effect_step": "eta"}.get(block, block)
    means = [at.weights @ source.hyper()[name] for at, source in ((points, posterior), (again.points, again))]
    assert means[0] == pytest.approx(means[1], rel=0.06)


@pytest.mark.parametrize("block", ["unit", "effect", "effect_growth"])
def test_points_are_not_reweighted_for_another_prior_of_coefficients(shared_posterior, block):
    _, card, posterior = shared_posterior
    assert posterior.under(with_scale(card, block, 2.0)) is None
