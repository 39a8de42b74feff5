"""Are the worlds without a policy what the model says: without effect, as persistent, starting from what was seen?"""

import numpy as np
import pytest

from bri_bayes.checks.null_model import (
    forecasts,
    periods_of,
    posterior_draws,
    problem_of,
    replicas,
    untreated_card,
    untreated_design,
)
from bri_bayes.inference.batch import att_of_many
from bri_bayes.study.model_card import Effects, Errors

from .panels import recipe

ROUNDING = 1e-9


def test_forecasts_keep_what_was_seen_before_the_onset():
    analysis = recipe(effect=0.5)[0]
    design = analysis.design
    early = periods_of(design) < 2013
    outcomes = forecasts(analysis, 20, seed=1)
    assert outcomes[:, early] == pytest.approx(np.broadcast_to(design["y"].to_numpy()[early], outcomes[:, early].shape))
    assert np.ptp(outcomes[:, ~early], axis=0).min() > 0


def test_forecasts_do_not_see_the_treated_years():
    without, other = recipe(effect=0.0)[0], recipe(effect=0.9)[0]
    assert forecasts(without, 10, seed=1) == pytest.approx(forecasts(other, 10, seed=1), abs=ROUNDING)


@pytest.mark.parametrize("structure", ["ar1", "random_walk"])
def test_no_world_has_an_effect(structure):
    errors = Errors(structure)
    analysis = recipe(effect=0.5, seed=5, errors=errors)[0]
    draws = posterior_draws(analysis.design, analysis.card, 100, seed=1)
    for outcomes in (forecasts(analysis, 100, seed=1), replicas(draws, 1, effects=False)):
        measured = att_of_many(analysis.design, analysis.card, outcomes)["mean"].to_numpy()
        assert abs(measured.mean()) < 4 * measured.std() / np.sqrt(measured.size) + 0.35 * measured.std()
    kept = att_of_many(analysis.design, analysis.card, replicas(draws, 1, effects=True))["mean"].to_numpy()
    assert kept.mean() == pytest.approx(0.5, abs=0.25)


def test_a_forecast_starts_from_the_last_error_and_forgets_it():
    """Lift one unit in its last year before the onset: the forecast starts higher by rho times that, and returns."""
    analysis = recipe(seed=6, rho=0.7)[0]
    last = (analysis.panel["unit"] == "A") & (analysis.panel["period"] == 2012)
    lifted = analysis.replace(panel=analysis.panel.assign(y=analysis.panel["y"] + 0.3 * last))
    low, high = (forecasts(without, 1000, seed=2).mean(axis=0) for without in (analysis, lifted))
    design = analysis.design
    unit = design["unit"].to_numpy()[design["unit_ix"].to_numpy()] == "A"
    path = (high - low)[unit & (periods_of(design) >= 2013)]
    assert path[0] > path[3] > path[7] - 0.02
    assert 0.05 < path[0] < 0.3


def test_new_errors_are_as_persistent_as_the_posterior_says():
    analysis = recipe(seed=7, rho=0.8)[0]
    draws = posterior_draws(analysis.design, analysis.card, 500, seed=1)
    errors = draws.errors(np.random.default_rng(1)).reshape(500, 9, -1)
    measured = (errors[..., 1:] * errors[..., :-1]).sum(axis=(1, 2)) / (errors[..., :-1] ** 2).sum(axis=(1, 2))
    assert np.median(measured) == pytest.approx(np.median(draws.values["rho"]), abs=0.06)


def test_unit_trends_go_on_after_the_onset():
    trend = Effects(trend="unit_linear")
    analysis = recipe(trend=0.2, seed=8, innovation_sd=0.02, effects=trend)[0]
    design = analysis.design
    outcomes = forecasts(analysis, 200, seed=1).mean(axis=0)
    late = periods_of(design) == 2020
    assert outcomes[late] == pytest.approx(design["y"].to_numpy()[late], abs=1.0)
    units = design["unit"].to_numpy()[design["unit_ix"].to_numpy()]
    gap = outcomes[late & np.isin(units, list("ABCDE"))].mean() - outcomes[late & ~np.isin(units, list("ABCDE"))].mean()
    observed = design["y"].to_numpy()
    seen = (
        observed[late & np.isin(units, list("ABCDE"))].mean() - observed[late & ~np.isin(units, list("ABCDE"))].mean()
    )
    assert gap == pytest.approx(seen, abs=0.5)


def test_nobody_is_treated_in_the_early_design():
    analysis = recipe()[0]
    design = untreated_design(analysis.panel, analysis.assignment, untreated_card(analysis.card))
    assert not design["treated"].any()
    assert design.sizes["treated_unit"] == 0
    assert int(design["period"].max()) == 2012


def test_what_has_no_null_model_says_why():
    assert problem_of(recipe()[0]) is None
    assert "common error scale" in problem_of(recipe(errors=Errors("ar1", "by_unit"))[0])
    assert "3 periods before the first onset" in problem_of(recipe(first=2010)[0])
