"""Power-scaling: analytic on a conjugate model, beside ArviZ, and a planted prior that drives the answer."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm

from bri_bayes.checks.power_scaling import ALL, LIKELIHOOD, by_importance, power_scaling, sensitivity, verdict
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference import fit
from bri_bayes.inference.att import att_posterior
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.model_card import Effects, Sampler
from tests.inference.panels import make_card, make_panel

# The sensitivity is a difference over 1% of a power; its limit differs by about that much.
STEP = 0.01
# 8,000 draws: a sensitivity by reweighting is known to about a tenth, small ones to a few thousandths.
REWEIGHTED, SMALL = 0.2, 0.006

# y_1..y_n ~ N(mu, 1), mu ~ N(0, s^2).
N, MEAN, S = 4, 1.0, 0.5
GRID_TAIL = 1 / 4000


def conjugate(prior_power=1.0, likelihood_power=1.0):
    """Posterior mean and sd of mu."""
    precision = likelihood_power * N + prior_power / S**2
    return likelihood_power * N * MEAN / precision, precision**-0.5


def exact(**power_of):
    """Speed at power one by the two-sided difference, from the closed-form cdfs."""
    mean, sd = conjugate()
    grid = np.linspace(*norm.ppf([GRID_TAIL, 1 - GRID_TAIL], mean, sd), 4001)
    (name,) = power_of
    scaled = [norm.cdf(grid, *conjugate(**{name: power})) for power in (0.99, 1.01)]
    return sensitivity(grid, norm.cdf(grid, mean, sd), *scaled)


def analytic(mean_slope, sd_slope):
    """The limit: sqrt(int g^2 / F / (8 ln 2 int F)), g the derivative of the cdf F by log2 power, larger side."""
    mean, sd = conjugate()
    grid = np.linspace(*norm.ppf([GRID_TAIL, 1 - GRID_TAIL], mean, sd), 4001)
    z = (grid - mean) / sd
    g = -norm.pdf(z) * (mean_slope + z * sd_slope) / sd * np.log(2)
    sides = [np.trapezoid(g**2 / f, grid) / (8 * np.log(2) * np.trapezoid(f, grid)) for f in (norm.cdf(z), norm.sf(z))]
    return float(np.sqrt(max(sides)))


def test_the_sensitivity_of_a_conjugate_model_is_the_analytic_one():
    prior, data = 1 / S**2, N
    total = prior + data
    by_prior = analytic(-data * MEAN * prior / total**2, -0.5 * prior * total**-1.5)
    by_data = analytic(data * MEAN * prior / total**2, -0.5 * data * total**-1.5)
    assert exact(prior_power=1) == pytest.approx(by_prior, rel=STEP)
    assert exact(likelihood_power=1) == pytest.approx(by_data, rel=STEP)


def test_reweighted_draws_of_the_conjugate_model_give_the_same_sensitivity():
    from arviz_stats import psense

    mean, sd = conjugate()
    mu = np.random.default_rng(0).normal(mean, sd, (4, 4000))
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"mu": (("chain", "draw"), mu)}),
            "log_prior": xr.Dataset({"mu": (("chain", "draw"), norm.logpdf(mu, 0, S))}),
            "log_likelihood": xr.Dataset({"y": (("chain", "draw"), N * norm.logpdf(mu, MEAN, 1))}),
        }
    )
    prior, likelihood = (float(psense(tree, group=group)["mu"]) for group in ("prior", "likelihood"))
    assert prior == pytest.approx(exact(prior_power=1), rel=REWEIGHTED / 2)
    assert likelihood == pytest.approx(exact(likelihood_power=1), rel=REWEIGHTED / 2)


def analysis_with(treatment="by_unit_event_time", **priors):
    effects = Effects(treatment=treatment)
    card = make_card(priors=Priors(**priors), sampler=Sampler(draws=2000), covariates=("x",), effects=effects)
    return Analysis(*make_panel(seed=3, effect=1.0), card)


def rows_of(analysis):
    return {row.prior: row for row in power_scaling(att_posterior(analysis.design, analysis.card, seed=0))}


def test_exact_and_reweighted_sensitivities_agree_on_a_panel():
    analysis = analysis_with(effect=0.5, rho=(2.0, 2.0))
    rows, drawn = rows_of(analysis), by_importance(fit(analysis, pointwise=False))
    for prior, row in rows.items():
        assert row.prior_sensitivity == pytest.approx(drawn[prior], rel=REWEIGHTED, abs=SMALL), prior
    assert rows[ALL].likelihood_sensitivity == pytest.approx(drawn[LIKELIHOOD], rel=REWEIGHTED)


def test_a_planted_prior_that_drives_the_answer_is_found_and_named():
    planted = analysis_with(treatment="common", effect=0.2)
    tight = {name: row for name, row in rows_of(planted).items() if name != ALL}
    worst = max(tight, key=lambda name: tight[name].prior_sensitivity)
    assert worst == "effect"
    assert tight["effect"].verdict in ("prior and data in conflict", "strong prior or weak likelihood")
    others = [row.verdict for name, row in tight.items() if name != "effect"]
    assert set(others) == {"not sensitive"}


def test_a_wide_prior_does_not_drive_the_answer():
    wide = rows_of(analysis_with(effect=20.0))
    assert wide["effect"].prior_sensitivity < 0.005
    assert wide["effect"].verdict == "not sensitive"


def test_a_flat_prior_has_no_sensitivity():
    assert rows_of(analysis_with())["rho"].prior_sensitivity == 0


def test_sensitivities_do_not_change_with_the_units_of_the_outcome():
    panel, assignment = make_panel(seed=3, effect=1.0)
    card = make_card()
    small, large = (
        rows_of(Analysis(panel.assign(y=factor * panel["y"] + shift), assignment, card))
        for factor, shift in ((1.0, 0.0), (100.0, 7.0))
    )
    for name, row in small.items():
        assert large[name].prior_sensitivity == pytest.approx(row.prior_sensitivity, rel=1e-4, abs=1e-7)


def test_the_verdict_follows_the_threshold_of_the_source():
    assert verdict(0.06, 0.06) == "prior and data in conflict"
    assert verdict(0.06, 0.04) == "strong prior or weak likelihood"
    assert verdict(0.04, 0.06) == "not sensitive"
    assert verdict(0.04, 0.04) == "neither moves it"
