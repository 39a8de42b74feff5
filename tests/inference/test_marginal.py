"""The closed-form engine against brute force, the TWFE limit, and its own promises."""

import dataclasses

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.stats import multivariate_normal

from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import build_design
from bri_bayes.design.linear_terms import build_terms
from bri_bayes.estimands.effects import att, att_by, cell_effects
from bri_bayes.inference import fit
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.hyperparameters import hyperparameters
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.model_card import Effects, Errors, Sampler, load_card

from .panels import make_card, make_panel

# Rounding of two ways to the same sum of some hundred terms.
ROUNDING = 1e-8
# The limit of wide priors: this share of the standard error (the project's own promise).
TWFE_SHARE = 1e-3

CARDS = {
    "common iid": {"effects": Effects(treatment="common"), "errors": Errors("iid")},
    "by_unit ar1": {"effects": Effects(treatment="by_unit")},
    "event_time ar1": {"effects": Effects(treatment="event_time")},
    "by_unit_event_time ar1": {},
    "by_unit_event_time random walk": {"errors": Errors("random_walk")},
    "correlated periods": {"effects": Effects(period="correlated"), "covariates": ("x",)},
    "unit trends": {"effects": Effects(trend="unit_linear"), "covariates": ("x",)},
    "scale by unit": {"errors": Errors("ar1", "by_unit")},
    "no pooling": {"effects": Effects(pooling="none")},
    "no pooling by unit": {"effects": Effects(treatment="by_unit", pooling="none")},
    "event study": {"effects": Effects(treatment="event_time", pooling="none", leads=True)},
    "window": {"effects": Effects(treatment="event_time", leads=True, window=(-3, 4))},
    "modifier": {"modifiers": ("x",), "covariates": ("x",)},
    "modifier slopes by unit": {"modifiers": ("x",), "effects": Effects(modifier_slopes="by_unit")},
}


def brute_force_log_density(terms, structure, hyper):
    """log N(y; 0, R + Z V Z') with every matrix written out."""
    n_units, n = int(terms.unit_ix.max()) + 1, terms.y.size
    columns, variances = [], []
    for block in terms.per_unit:
        for column in block.columns.T:
            columns.append(np.eye(n_units)[terms.unit_ix] * column[:, None])
            variances += [hyper.get(block.scale, block.scale) ** 2] * n_units
    for block in terms.shared:
        columns.append(block.columns)
        variances += [hyper.get(block.scale, block.scale) ** 2] * block.columns.shape[1]
    Z = np.hstack(columns)
    covariances = []
    for i in range(n_units):
        t = terms.period[terms.unit_ix == i]
        sigma = hyper["sigma_unit"][i] if "sigma_unit" in hyper else hyper["sigma"]
        if structure == "iid":
            covariances.append(sigma**2 * np.eye(t.size))
        elif structure == "ar1":
            lag = np.abs(t[:, None] - t[None, :])
            covariances.append(sigma**2 / (1 - hyper["rho"] ** 2) * hyper["rho"] ** lag)
        else:
            covariances.append(sigma**2 * (np.minimum(t[:, None], t[None, :]) - t[0] + 1))
    covariance = block_diag(*covariances) + Z @ np.diag(variances) @ Z.T
    return multivariate_normal(np.zeros(n), covariance, allow_singular=True).logpdf(terms.y)


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
def test_the_marginal_likelihood_is_the_multivariate_normal_density(changes):
    priors = Priors(unit=1.0, period=1.0)  # not wide, so that the dense covariance is well conditioned
    card = make_card(**changes, priors=priors)
    terms = build_terms(build_design(*make_panel(), card), card)
    space = hyperparameters(terms, card)
    model = Collapsed.of(terms, card, space)
    vectors = space.start() + np.random.default_rng(0).normal(0, 0.4, (4, space.dimension))
    values = space.values(vectors)
    ours = model.conditional(values).log_density
    for draw in range(4):
        hyper = {name: value[draw] for name, value in values.items()}
        assert ours[draw] == pytest.approx(brute_force_log_density(terms, card.errors.structure, hyper), rel=ROUNDING)


def test_with_wide_priors_and_iid_errors_the_posterior_mean_is_twfe():
    pf = pytest.importorskip("pyfixest")
    panel, assignment = make_panel(seed=3)
    card = dataclasses.replace(load_card("twfe_limit"), outcome="y", covariates=("x",))
    analysis = Analysis(panel, assignment, card)
    design = analysis.design
    frame = design[["y", "treated", "unit_ix", "period_ix"]].to_dataframe().assign(x=design["X"].to_numpy()[:, 0])
    frame["treated"] = frame["treated"].astype(float)
    model = pf.feols("y ~ treated + x | unit_ix + period_ix", frame, vcov="iid")
    difference = float(att(fit(analysis)).mean()) - model.coef()["treated"]
    assert abs(difference) < TWFE_SHARE * model.se()["treated"]


def test_correlated_period_effects_return_twfe_too():
    panel, assignment = make_panel(seed=5, holes=False)
    wide = load_card("twfe_limit")
    fixed = fit(Analysis(panel, assignment, dataclasses.replace(wide, outcome="y")))
    effects = dataclasses.replace(wide.effects, period="correlated")
    correlated = fit(Analysis(panel, assignment, dataclasses.replace(wide, outcome="y", effects=effects)))
    spread = float(att(fixed).std())
    assert float(att(correlated).mean()) == pytest.approx(float(att(fixed).mean()), abs=TWFE_SHARE * spread)


def test_without_pooling_a_country_and_year_is_its_own_gap_to_the_forecast():
    """Saturated effects with iid errors: every treated cell is fitted, so tau is y minus the controls' prediction."""
    panel, assignment = make_panel(seed=7, holes=False)
    wide = Priors(unit=1000.0, period=1000.0, effect=1000.0)
    card = make_card(effects=Effects(pooling="none"), errors=Errors("iid"), priors=wide)
    cells = cell_effects(fit(Analysis(panel, assignment, card))).mean(("chain", "draw"))
    y = panel["y"]
    treated = list(assignment.treated_units)
    change = y.sel(period=slice(2006, None)) - y.sel(period=slice(None, 2005)).mean("period")
    controls = change.sel(unit=list(assignment.never_treated)).mean("unit")
    gaps = (change.sel(unit=treated) - controls).to_numpy()
    assert cells.to_numpy() == pytest.approx(gaps.ravel(), abs=2e-3)


def test_draws_have_the_moments_of_the_weighted_conditionals():
    """The sd of the ATT from draws against the exact mixture: E[var | h] + var(E | h), by brute force over h."""
    panel, assignment = make_panel(seed=11)
    card = make_card(effects=Effects(treatment="common"), sampler=Sampler(draws=5000, proposals=4000))
    analysis = Analysis(panel, assignment, card)
    terms = build_terms(analysis.design, card)
    space = hyperparameters(terms, card)
    model = Collapsed.of(terms, card, space)
    axis = [np.linspace(-2.5, 1.5, 120), np.linspace(-4, 4, 120)]
    grid = np.stack(np.meshgrid(*axis, indexing="ij"), axis=-1).reshape(-1, 2)
    conditional = model.conditional(space.values(grid))
    weight = conditional.log_density + space.log_prior(grid)
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    p = conditional.shared_factor.shape[-1] - 1
    inverse = np.linalg.inv(conditional.shared_factor[:, :p, :p])
    means = np.einsum("bji,bj->bi", inverse, conditional.shared_factor[:, p, :p])[:, 0]
    variances = (inverse[:, :, 0] ** 2).sum(axis=1)
    scale = analysis.design.attrs["y_scale"]
    mean = weight @ means
    sd = np.sqrt(weight @ (variances + (means - mean) ** 2))
    draws = att(fit(analysis, pointwise=False))
    assert float(draws.mean()) == pytest.approx(mean * scale, abs=0.01 * sd * scale)
    assert float(draws.std()) == pytest.approx(sd * scale, rel=0.02)


def test_the_log_marginal_likelihood_is_that_of_quadrature():
    panel, assignment = make_panel(seed=11)
    card = make_card(effects=Effects(treatment="common"), sampler=Sampler(proposals=4000))
    analysis = Analysis(panel, assignment, card)
    terms = build_terms(analysis.design, card)
    space = hyperparameters(terms, card)
    model = Collapsed.of(terms, card, space)
    axis = [np.linspace(-3, 2, 200), np.linspace(-5, 5, 200)]
    cell = (axis[0][1] - axis[0][0]) * (axis[1][1] - axis[1][0])
    grid = np.stack(np.meshgrid(*axis, indexing="ij"), axis=-1).reshape(-1, 2)
    log_density = model.conditional(space.values(grid)).log_density + space.log_prior(grid)
    top = log_density.max()
    expected = top + np.log(np.exp(log_density - top).sum() * cell)
    expected -= terms.y.size * np.log(analysis.design.attrs["y_scale"])
    assert fit(analysis, pointwise=False).log_marginal == pytest.approx(expected, abs=0.03)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_draws():
    analysis = Analysis(*make_panel(), make_card())
    first, again, other = (att(fit(analysis, seed=seed)).to_numpy() for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert not np.array_equal(first, other)


def test_the_tree_has_every_group_with_labelled_dimensions():
    tree = fit(Analysis(*make_panel(), make_card(covariates=("x",)))).posterior
    groups = {"posterior", "log_likelihood", "posterior_predictive", "observed_data", "sample_stats"}
    assert groups <= set(tree.children)
    assert tree["posterior"]["effect"].dims == ("chain", "draw", "treated_unit", "event_time")
    assert tree["posterior"]["beta"].dims == ("chain", "draw", "covariate")
    assert tree["log_likelihood"]["y"].dims == ("chain", "draw", "obs")
    assert tree["posterior_predictive"]["y"].sizes == tree["log_likelihood"]["y"].sizes


def test_the_average_of_countries_and_of_years_is_the_att_on_a_balanced_panel():
    result = fit(Analysis(*make_panel(holes=False), make_card()))
    for by in ("unit", "event_time", "period"):
        assert att_by(result, by).mean(by).to_numpy() == pytest.approx(att(result).to_numpy(), abs=ROUNDING)
