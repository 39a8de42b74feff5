"""Have simulated errors the covariance that the card says, and do they go on from known ones as a Gaussian does?"""

import dataclasses

import numpy as np
import pytest

from bri_bayes.checks import simulated_errors
from bri_bayes.checks.null_model import draws_of, forecasts, periods_of, posterior_draws
from bri_bayes.checks.simulated_errors import errors_given, new_errors
from bri_bayes.inference import fit
from bri_bayes.study.model_card import Errors, Shocks, load_card

from .panels import ONSET, recipe

DRAWS = 1500
SIGMA, RHO, NOISE, RATIO = 0.5, 0.8, 0.7, 0.9
# Five standard errors of a covariance of unit variance, from independent draws.
FIVE_ERRORS = 5 * np.sqrt(2 / DRAWS)


def design_and_card(structure="ar1_noise", process="like_errors"):
    analysis = recipe(errors=Errors(structure), shocks=Shocks(process), last=2016)[0]
    gap = (analysis.panel["unit"] == "B") & (analysis.panel["period"] == 2006)
    analysis = analysis.replace(panel=analysis.panel.assign(y=analysis.panel["y"].where(~gap)))
    return analysis.design, analysis.card


def hyperparameters(size=DRAWS):
    named = {"sigma": SIGMA, "rho": RHO, "noise": NOISE, "shock_ratio": RATIO, "shock_rho": 0.3}
    return {name: np.full(size, value) for name, value in named.items()}


def covariance(design, *, shocks):
    """AR(1) plus noise within units, and within the treated group as much times the square of the ratio, by hand."""
    unit, year = design["unit_ix"].to_numpy(), periods_of(design)
    lag = np.abs(year[:, None] - year)
    process = SIGMA**2 * RHO**lag / (1 - RHO**2) + NOISE**2 * (lag == 0)
    treated = np.isfinite(design["event_time"].to_numpy())
    return process * ((unit[:, None] == unit) + shocks * RATIO**2 * np.outer(treated, treated))


@pytest.mark.parametrize("process", ["none", "like_errors"])
def test_errors_and_shocks_have_the_covariance_of_the_card(process):
    design, card = design_and_card(process=process)
    drawn = new_errors(design, card, hyperparameters(), np.random.default_rng(1))
    expected = covariance(design, shocks=process != "none")
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs((drawn.T @ drawn / DRAWS - expected) / scale).max() < FIVE_ERRORS


@pytest.mark.parametrize("structure", ["ar1_noise", "ar1", "iid"])
def test_a_group_of_many_rows_has_the_same_covariance_without_a_factor_of_all_of_it(monkeypatch, structure):
    """Errors and shock are drawn one after the other: no covariance is larger than that of a unit."""
    monkeypatch.setattr(simulated_errors, "_MOST_DENSE", 0)
    largest = []
    whole = np.linalg.cholesky
    monkeypatch.setattr(np.linalg, "cholesky", lambda matrix: largest.append(matrix.shape[-1]) or whole(matrix))
    design, card = design_and_card(structure)
    drawn = new_errors(design, card, hyperparameters(), np.random.default_rng(4))
    values = {name: value[:1] for name, value in hyperparameters().items()}
    expected = np.zeros((design.sizes["obs"], design.sizes["obs"]))
    for some in simulated_errors._together(design, card):
        expected[np.ix_(some, some)] = simulated_errors._covariance(design, card, values, some)[0]
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs((drawn.T @ drawn / DRAWS - expected) / scale).max() < FIVE_ERRORS
    assert max(largest) == design.sizes["period"]


def test_known_errors_go_on_with_the_mean_and_covariance_of_a_conditional_gaussian():
    design, card = design_and_card()
    known = np.flatnonzero(periods_of(design) < ONSET)
    later = np.setdiff1d(np.arange(design.sizes["obs"]), known)
    seen = np.random.default_rng(2).standard_normal(known.size)
    repeated = np.tile(seen, (DRAWS, 1))
    drawn = errors_given(design, card, hyperparameters(), repeated, known, np.random.default_rng(3))
    full = covariance(design, shocks=True)
    weights = np.linalg.solve(full[np.ix_(known, known)], full[np.ix_(known, later)])
    remaining = full[np.ix_(later, later)] - full[np.ix_(later, known)] @ weights
    assert drawn[:, known] == pytest.approx(repeated, abs=1e-9)
    assert np.abs((drawn[:, later].mean(axis=0) - seen @ weights) / np.sqrt(np.diag(remaining))).max() < 5 / np.sqrt(
        DRAWS
    )
    scale = np.sqrt(np.outer(np.diag(remaining), np.diag(remaining)))
    assert np.abs((np.cov(drawn[:, later].T) - remaining) / scale).max() < FIVE_ERRORS


def test_a_chain_of_one_card_and_the_gaussian_of_another_are_the_same_process():
    design, card = design_and_card("ar1", "none")
    without_noise = dataclasses.replace(card, errors=Errors("ar1_noise"))
    named = {**hyperparameters(), "noise": np.zeros(DRAWS)}
    chain, dense = (new_errors(design, of_unit, named, np.random.default_rng(4)) for of_unit in (card, without_noise))
    assert chain == pytest.approx(dense, abs=1e-9)


def test_worlds_of_a_card_with_noise_and_shared_shocks_keep_what_was_seen():
    analysis = recipe(effect=0.5)[0]
    analysis = analysis.replace(card=dataclasses.replace(load_card("did_shared"), outcome="y"))
    early = periods_of(analysis.design) < ONSET
    outcomes = forecasts(analysis, 20, seed=1)
    seen = analysis.design["y"].to_numpy()[early]
    assert outcomes[:, early] == pytest.approx(np.broadcast_to(seen, outcomes[:, early].shape))
    assert np.ptp(outcomes[:, ~early], axis=0).min() > 0


def test_draws_of_a_fit_are_those_that_its_panels_are_made_of():
    analysis = recipe(shocks=Shocks("like_errors"))[0]
    result = fit(analysis, seed=3, pointwise=False)
    ours, theirs = draws_of(result, 40, 3), posterior_draws(analysis.design, analysis.card, 40, 3)
    assert ours.values.keys() == theirs.values.keys()
    for name, values in ours.values.items():
        assert values == pytest.approx(theirs.values[name], rel=1e-9, abs=1e-9), name
