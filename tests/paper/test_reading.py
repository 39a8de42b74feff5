"""Are the posteriors of the published effects those of Bayes' rule, computed in another way?"""

from __future__ import annotations

import json
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import dblquad, quad
from scipy.stats import norm
from scipy.stats import t as student

from bri_bayes.paper import load_published
from bri_bayes.paper.reading import (
    HALF_T_DF,
    PLACEBOS,
    PLACEBOS_IN_PART,
    Z_INTERVAL,
    Z_ONE_SIDED,
    Prior,
    largest_factor,
    placebo_posterior,
    posterior,
    priors,
    reading_values,
    readings,
)

from .made_up import made_up_paper

# Numerical integration in two dimensions against a grid of 2,001 points in one.
QUADRATURE = 2e-4
HEADLINES = {"lnexport": 0.218, "lnimport": 0.0988}
WIDE = Prior("flat", 0.0, 1e6, "no information")


@pytest.fixture(scope="module")
def paper():
    return load_published()


@pytest.fixture(scope="module")
def by_key(paper):
    return {(reading.outcome, reading.prior, reading.noise): reading for reading in readings(paper)}


def integrated(estimate, se, prior, claim):
    """Mean, sd, P(> 0) and P(> claim / 2) by integrating likelihood times prior."""

    def density(tau):
        return norm.pdf(estimate, tau, se) * norm.pdf(tau, prior.mean, prior.sd)

    spread = min(se, prior.sd)
    low, high = min(estimate, prior.mean) - 12 * spread, max(estimate, prior.mean) + 12 * spread

    def total(f, start=low):
        points = [x for x in (estimate, prior.mean, 0.0) if start < x < high]
        return quad(f, start, high, points=points or None, limit=200, epsabs=1e-13)[0]

    mass = total(density)
    mean = total(lambda tau: tau * density(tau)) / mass
    sd = (total(lambda tau: (tau - mean) ** 2 * density(tau)) / mass) ** 0.5
    return mean, sd, total(density, 0.0) / mass, total(density, claim / 2) / mass


@pytest.mark.parametrize("estimate", HEADLINES.values())
@pytest.mark.parametrize("se", [0.0385, 0.107, 0.0427])
@pytest.mark.parametrize("number", range(3))
def test_the_closed_form_is_what_integration_gives(estimate, se, number):
    prior = priors(estimate)[number]
    read = posterior(estimate, se, prior, estimate)
    expected = integrated(estimate, se, prior, estimate)
    assert (read.mean, read.sd, read.p_positive, read.p_half) == pytest.approx(expected, abs=1e-7)
    assert NormalDist(read.mean, read.sd).cdf(read.lower) == pytest.approx(0.025)
    assert NormalDist(read.mean, read.sd).cdf(read.upper) == pytest.approx(0.975)


def test_without_prior_information_the_posterior_is_the_estimate():
    read = posterior(0.218, 0.0385, WIDE, 0.218)
    assert (read.mean, read.sd) == pytest.approx((0.218, 0.0385), rel=1e-6)
    assert largest_factor(0.218, 0.0385, WIDE, Z_INTERVAL) == pytest.approx(0.218 / 0.0385 / Z_INTERVAL, rel=1e-6)


def test_sceptics_and_enthusiasts_leave_five_percent_to_the_other_side():
    sceptical, neutral, enthusiastic = priors(0.218)
    assert 1 - NormalDist(sceptical.mean, sceptical.sd).cdf(0.218) == pytest.approx(0.05)
    assert NormalDist(enthusiastic.mean, enthusiastic.sd).cdf(0.0) == pytest.approx(0.05)
    assert NormalDist(neutral.mean, neutral.sd).cdf(1.0) == pytest.approx(0.977, abs=1e-3)
    assert all(prior.reason for prior in (sceptical, neutral, enthusiastic))


@given(
    estimate=st.floats(0.01, 2),
    se=st.floats(0.005, 1),
    sd=st.floats(0.02, 5),
    shift=st.floats(-1, 1.5),
    z=st.sampled_from([Z_INTERVAL, Z_ONE_SIDED]),
)
def test_at_the_largest_factor_the_claim_just_fails(estimate, se, sd, shift, z):
    prior = Prior("any", shift * estimate, sd, "")
    factor = largest_factor(estimate, se, prior, z)
    if factor is None:
        assert prior.mean / prior.sd >= z - 1e-9
        return
    at, above, below = (posterior(estimate, se * factor * by, prior, estimate) for by in (1, 1.01, 0.99))
    assert at.mean / at.sd == pytest.approx(z, rel=1e-6)
    assert above.mean / above.sd < z < below.mean / below.sd


def test_a_factor_for_a_claim_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="must be positive"):
        largest_factor(-0.1, 0.05, WIDE, Z_INTERVAL)


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (1.0, 11 / 12, 11 / 17)])
@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("estimates", [(0.218, 0.163, 0.158), (0.0988, 0.109, 0.155)])
def test_the_placebo_posterior_is_what_integration_over_effect_and_noise_gives(estimates, weights, number):
    """Independent of the closed form: likelihood of each estimate times both priors, integrated over tau and log s."""
    claim, scale = estimates[0], 0.064
    prior = priors(claim)[number]

    def density(tau, log_s):
        s = np.exp(log_s)
        value = norm.pdf(tau, prior.mean, prior.sd) * student.pdf(s / scale, HALF_T_DF) * s
        for y, w in zip(estimates, weights, strict=True):
            value *= norm.pdf(y, w * tau, s)
        return value

    tau = np.linspace(prior.mean - 8 * prior.sd, prior.mean + 8 * prior.sd, 4001)
    log_s = np.linspace(np.log(scale) - 5, np.log(scale) + 5, 801)
    grid = density(tau[:, None], log_s[None, :])
    mass = grid.sum()
    marginal = grid.sum(1) / mass
    read, median = placebo_posterior(estimates, weights, prior, scale, claim)
    mean = (tau * marginal).sum()
    assert read.mean == pytest.approx(mean, abs=QUADRATURE)
    assert read.sd == pytest.approx(((tau - mean) ** 2 @ marginal) ** 0.5, abs=QUADRATURE)
    cumulative = np.cumsum(marginal)
    step = tau[1] - tau[0]
    assert read.lower == pytest.approx(tau[np.searchsorted(cumulative, 0.025)], abs=2 * step)
    assert read.upper == pytest.approx(tau[np.searchsorted(cumulative, 0.975)], abs=2 * step)
    assert read.p_positive == pytest.approx(marginal[tau > 0].sum(), abs=20 * QUADRATURE)
    assert median == pytest.approx(np.exp(log_s[np.searchsorted(np.cumsum(grid.sum(0)) / mass, 0.5)]), rel=0.03)


def test_the_placebo_posterior_agrees_with_adaptive_integration():
    estimates, weights, scale = (0.218, 0.163, 0.158), (1.0, 0.0, 0.0), 0.064
    prior = priors(0.218)[1]

    def density(log_s, tau):
        s = np.exp(log_s)
        likelihood = np.prod([norm.pdf(y, w * tau, s) for y, w in zip(estimates, weights, strict=True)])
        return likelihood * norm.pdf(tau, prior.mean, prior.sd) * student.pdf(s / scale, HALF_T_DF) * s

    limits = (np.log(scale) - 3, np.log(scale) + 4)
    positive, negative = (dblquad(density, *ends, *limits, epsabs=1e-5)[0] for ends in ((0, 2.5), (-2.5, 0)))
    read, _ = placebo_posterior(estimates, weights, prior, scale, 0.218)
    assert read.p_positive == pytest.approx(positive / (positive + negative), abs=10 * QUADRATURE)


def test_larger_placebos_mean_more_noise_and_less_certainty():
    prior = priors(0.218)[1]
    small, large = (placebo_posterior((0.218, p, -p), (1.0, 0.0, 0.0), prior, 0.064, 0.218) for p in (0.02, 0.2))
    assert small[1] < large[1]
    assert small[0].p_positive > large[0].p_positive


def test_every_effect_is_read_under_every_prior_and_every_printed_noise(by_key):
    noises = {f"standard error of Table {table}" for table in (3, 4, 8)} | {PLACEBOS, PLACEBOS_IN_PART}
    expected = {(o, p, n) for o in HEADLINES for p in ("sceptical", "neutral", "enthusiastic") for n in noises}
    assert set(by_key) == expected


@pytest.mark.published
def test_the_reading_of_the_paper_is_this(by_key):
    """Exports hold under the standard error of Table 3; imports fail a sceptic, and everyone under that of Table 4."""
    exports = by_key["lnexport", "sceptical", "standard error of Table 3"]
    assert exports.posterior.lower > 0
    assert exports.factor_interval == pytest.approx(2.38, abs=0.01)
    assert by_key["lnexport", "sceptical", "standard error of Table 4"].posterior.lower < 0
    imports = by_key["lnimport", "sceptical", "standard error of Table 3"]
    assert imports.posterior.lower < 0
    assert imports.factor_interval < 1
    for prior in ("sceptical", "neutral", "enthusiastic"):
        assert by_key["lnimport", prior, "standard error of Table 4"].posterior.lower < 0
    assert by_key["lnexport", "neutral", PLACEBOS].posterior.p_positive == pytest.approx(0.92, abs=0.01)
    assert by_key["lnexport", "neutral", PLACEBOS].posterior.lower < 0


def test_the_json_of_the_readings_has_the_priors_their_reasons_and_every_row(paper):
    values = reading_values(paper)
    assert [reading["outcome"] for reading in values] == list(HEADLINES)
    for reading in values:
        assert [prior["name"] for prior in reading["priors"]] == ["sceptical", "neutral", "enthusiastic"]
        assert len(reading["readings"]) == 15
        assert set(reading["assumptions"]) == {"standard error", PLACEBOS, PLACEBOS_IN_PART}
        assert {"prior", "noise", "source", "noise_sd", "posterior", "factor_interval", "factor_probability"} == set(
            reading["readings"][0]
        )
        json.dumps(reading, allow_nan=False)


def test_placebos_before_the_onset_hold_no_part_of_the_effect():
    """In the made-up paper the placebo columns drop the treated years, so the two ways to read them are one."""
    read = {
        (reading.outcome, reading.prior, reading.noise): reading.posterior for reading in readings(made_up_paper(1))
    }
    for (outcome, prior, noise), summary in read.items():
        if noise == PLACEBOS:
            assert summary == read[outcome, prior, PLACEBOS_IN_PART]
