"""The Bayesian honest DID: golden rows, the panel model beside the coefficients, breakdown and scale."""

import numpy as np
import pytest

from bri_bayes.checks.trend_violation import Breakdown, can_drift, coefficient_posterior, trend_violation, with_drift
from bri_bayes.design.analysis import Analysis
from bri_bayes.frequentist.event_coefficients import EventCoefficients, event_coefficients
from bri_bayes.inference.att import att_given, att_posterior
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.model_card import Effects, Errors, load_card
from tests.inference.panels import make_card, make_panel

# The reference prints eight decimals.
PRINTED = 6e-9
GOLDEN = {0.0: (0.10416667, 0.01632993), 0.01: (0.10606253, 0.02094815), 0.02: (0.10769663, 0.02920289)}
WIDE = Priors(unit=1000.0, period=1000.0, effect=1000.0)


@pytest.mark.golden
@pytest.mark.parametrize(("sd", "expected"), GOLDEN.items())
def test_the_posterior_of_six_coefficients_is_the_reference(sd, expected):
    study = EventCoefficients(
        times=np.array([-5, -4, -3, -2, 0, 1]),
        estimates=np.array([0.02, -0.01, 0.015, 0.01, 0.10, 0.12]),
        covariance=0.0002 + 0.0004 * np.eye(6),
        rows=np.ones(6, dtype=int),
    )
    assert coefficient_posterior(study, sd) == pytest.approx(expected, abs=PRINTED)


@pytest.mark.parametrize("sd", [0.0, 0.1, 0.5])
def test_the_panel_model_with_wide_priors_is_the_posterior_of_the_event_study_coefficients(sd):
    """Given sigma, iid errors and flat effects, rows and coefficients hold the same information."""
    card = make_card(effects=Effects(treatment="event_time", pooling="none"), errors=Errors("iid"), priors=WIDE)
    design = Analysis(*make_panel(seed=3, holes=False), card).design
    study = event_coefficients(design, "iid")
    unit = design.attrs["y_scale"]
    sigma = 0.8
    _, mean, spread = att_given(design, with_drift(card, sd), np.array([[np.log(sigma)]]))
    scaled = study.covariance * (sigma * unit) ** 2 / _error_variance(design, study)
    exact = EventCoefficients(study.times, study.estimates, scaled, study.rows)
    # The priors are wide, not flat.
    assert (mean[0], spread[0]) == pytest.approx(coefficient_posterior(exact, sd * unit), rel=1e-4)


def _error_variance(design, study):
    """The variance behind a covariance of iid errors: that of a difference of two cells of means."""
    from bri_bayes.frequentist.twfe import event_study

    se = event_study(design).path.loc[0, "se_iid"]
    treated, control = 3, 3
    ours = np.sqrt(study.covariance[list(study.times).index(0), list(study.times).index(0)])
    assert ours == pytest.approx(se, rel=1e-6)
    return se**2 / (2 * (1 / treated + 1 / control))


def strong(seed=3):
    panel, assignment = make_panel(seed=seed, holes=False, rho=0.2, effect=1.5)
    return Analysis(panel, assignment, make_card())


def test_at_the_breakdown_the_interval_touches_zero():
    analysis = strong()
    violation = trend_violation(analysis, seed=0, points=5)
    assert violation.none.lower > 0
    at = violation.breakdown.s
    unit = analysis.design.attrs["y_scale"]
    record = att_posterior(analysis.design, with_drift(analysis.card, at / unit), seed=0).effect.as_dict()
    assert record["lower"] == pytest.approx(0, abs=1e-3 * record["sd"])
    assert violation.breakdown.reason is None
    assert violation.leans_until > 0
    assert [row.s for row in violation.curve] == sorted(row.s for row in violation.curve)
    assert violation.curve[0].s == 0


def test_an_interval_that_holds_zero_from_the_start_has_no_breakdown_and_says_so():
    violation = trend_violation(Analysis(*make_panel(seed=1, effect=0.0), make_card()), seed=0, points=3)
    assert violation.breakdown == Breakdown(None, "the interval contains zero without any violation")


def test_everything_multiplies_with_the_outcome():
    analysis = strong()
    large = analysis.replace(panel=analysis.panel.assign(y=100 * analysis.panel["y"]))
    first, second = (trend_violation(recipe, seed=0, points=3) for recipe in (analysis, large))
    assert second.breakdown.s == pytest.approx(100 * first.breakdown.s, rel=1e-3)
    ends = [[row.att.lower for row in violation.curve] for violation in (first, second)]
    assert ends[1] == pytest.approx([100 * end for end in ends[0]], rel=1e-5)


def test_only_a_card_without_leads_and_other_trends_takes_a_drift():
    assert can_drift(make_card())
    assert can_drift(make_card(effects=Effects(trend="group_random_walk")))
    assert not can_drift(make_card(effects=Effects(trend="unit_linear")))
    assert not can_drift(make_card(effects=Effects(leads=True)))
    assert not can_drift(make_card(effects=Effects(period="correlated")))
    # A shock that the treated share is a drift of theirs, too.
    assert not can_drift(load_card("did_shared"))
