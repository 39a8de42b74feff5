"""Does a mediation find the share that was planted, and does its confounder curve undo a planted confounder?"""

import dataclasses

import numpy as np
import pytest

from bri_bayes.checks.mediation import (
    NOT_SUPPORTED,
    OPEN,
    SUPPORTED,
    CorrelatedEffect,
    beta_at,
    mediation_draws,
    mediation_values,
    vanishing_correlation,
    verdict,
)
from bri_bayes.checks.path_draws import PathDraws
from bri_bayes.core.effect import Effect
from bri_bayes.core.errors import InputError
from bri_bayes.estimands.effects import att
from bri_bayes.inference.joint import fit_jointly
from bri_bayes.study.card_priors import Priors

from .interactions import analysis_of, mediated_panel

# Monte Carlo error of the means of two runs of two thousand draws, as a share of the posterior sd.
MEAN_SHARE = 0.15
REPEATED = 1e-3


def test_with_wide_priors_and_independent_errors_direct_and_indirect_add_up_to_least_squares_without_the_channel():
    """The omitted-variable identity: tau without the channel = tau with it + beta alpha."""
    priors = Priors(unit=1e3, period=1e3, effect=1e3, covariate=1e3)
    analysis = analysis_of(mediated_panel(1), card="twfe_limit", priors=priors)
    mediated = mediation_values(analysis, "m", 0)
    total = mediated.direct.mean + mediated.channel_effect.mean * mediated.channel_slope.mean
    assert total == pytest.approx(mediated.total_alone.mean, abs=0.02 * mediated.total_alone.sd)


def test_a_planted_share_is_found():
    """alpha 0.5, beta 0.4, direct 0.1: indirect 0.2, total 0.3, share two thirds."""
    mediated = mediation_values(analysis_of(mediated_panel(21)), "m", 0)
    truth = {"channel_effect": 0.5, "channel_slope": 0.4, "indirect": 0.2, "direct": 0.1, "total": 0.3}
    for name, value in truth.items():
        assert abs(getattr(mediated, name).mean - value) < 3 * getattr(mediated, name).sd, name
    assert mediated.share.lower < 2 / 3 < mediated.share.upper
    assert mediated.total.mean == pytest.approx(mediated.total_alone.mean, abs=mediated.total.sd)


def test_outcome_and_channel_in_other_units_leave_the_paths_and_the_vanishing_correlation_where_they_are():
    panel = mediated_panel(3)
    in_units = mediation_values(analysis_of(panel), "m", 5)
    other = mediation_values(analysis_of(panel.assign(y=100 * panel["y"], m=7 * panel["m"])), "m", 5)
    for name, factor in (("indirect", 100), ("direct", 100), ("channel_effect", 7), ("channel_slope", 100 / 7)):
        small, large = getattr(in_units, name).mean, getattr(other, name).mean
        assert large == pytest.approx(factor * small, rel=REPEATED, abs=REPEATED * factor)
    ours, theirs = (mediated.confounder.vanishes_at.median for mediated in (in_units, other))
    assert ours == pytest.approx(theirs, abs=0.002)


@pytest.mark.parametrize("rho", [(0.5, 0.5), (0.2, 0.8), (0.9, 0.5)])
def test_at_the_correlation_that_was_planted_the_curve_gives_the_slope_that_was_planted(rho):
    """The channel does nothing, common shocks correlate by 0.6: the naive slope is far off, the curve undoes it."""
    panel = mediated_panel(4, beta=0.0, direct=0.0, correlation=0.6, rho=rho)
    draws = mediation_draws(analysis_of(panel), "m", 1)
    naive, undone = draws.beta, beta_at(draws, 0.6)
    # At unequal persistence the filtered error of the channel is partly old: the naive bias is smaller, not zero.
    assert naive.mean() > 2.5 * naive.std()
    assert abs(undone.mean()) < 3 * undone.std()
    assert np.median(vanishing_correlation(draws)) == pytest.approx(0.6, abs=0.2)


def test_the_slope_is_that_of_the_joint_model_of_channel_and_outcome():
    """With equal persistence the errors without the channel have beta = r s_y / s_m: another derivation."""
    panel = mediated_panel(5, beta=0.4, rho=(0.5, 0.5), sd=(0.2, 0.1))
    analysis = analysis_of(panel)
    draws = mediation_draws(analysis, "m", 2)
    joint = fit_jointly(analysis.replace(card=dataclasses.replace(analysis.card, outcome="m")), analysis, seed=3)
    sd = [np.ravel(in_units.posterior["posterior"]["sigma"].to_numpy()) for in_units in joint.fits]
    implied = np.ravel(joint.correlation.to_numpy()) * sd[1] / sd[0]
    assert implied.mean() == pytest.approx(draws.beta.mean(), abs=MEAN_SHARE * draws.beta.std() + 0.01)
    total, other = draws.direct + draws.beta * draws.alpha, np.ravel(att(joint.fits[1]).to_numpy())
    assert total.mean() == pytest.approx(other.mean(), abs=0.5 * other.std())


def test_the_formulas_of_the_confounder_are_inverse_to_each_other(rng):
    values = {name: np.abs(rng.normal(1, 0.2, 50)) for name in ("alpha", "beta", "direct", "channel_sd", "outcome_sd")}
    draws = PathDraws(**values, new_share=rng.uniform(0.7, 1.0, 50))
    for position, at in enumerate(vanishing_correlation(draws)):
        if abs(at) < 1:
            in_units = PathDraws(**{name: value[[position]] for name, value in vars(draws).items()})
            assert beta_at(in_units, float(at))[0] == pytest.approx(0.0, abs=1e-12)
    assert beta_at(draws, 0.0) == pytest.approx(draws.beta)


def test_a_verdict_needs_an_interval_that_survives_a_modest_confounder():
    def at(correlation, lower):
        return CorrelatedEffect(0.0, 1.0, lower, 2.0, 0.5, correlation=correlation)

    far = [at(r, 0.1) for r in (-0.3, 0.0, 0.3)] + [at(0.6, -1.0)]
    near = [at(r, 0.1 - r) for r in (-0.3, 0.0, 0.3)]
    above, below = Effect(0.15, 0.03, 0.1, 0.2, 1.0), Effect(-0.15, 0.03, -0.2, -0.1, 0.0)
    assert verdict(above, far) == SUPPORTED
    assert verdict(above, near) == OPEN
    assert verdict(below, near) == NOT_SUPPORTED


def test_a_share_of_a_total_that_may_be_zero_is_not_given():
    mediated = mediation_values(analysis_of(mediated_panel(6, alpha=0.0, direct=0.0, sd=(0.2, 0.4))), "m", 0)
    assert mediated.total.lower < 0 < mediated.total.upper
    assert mediated.share is None


def test_rows_without_the_channel_leave_all_three_equations():
    panel = mediated_panel(7)
    panel["m"][{"unit": 2, "period": 4}] = np.nan
    panel["y"][{"unit": 3, "period": 5}] = np.nan
    assert mediation_values(analysis_of(panel), "m", 0).rows == 9 * 21 - 2


def test_an_unknown_channel_and_the_outcome_itself_are_refused():
    analysis = analysis_of(mediated_panel(8))
    with pytest.raises(InputError, match='the channel "roads" is not in the panel'):
        mediation_values(analysis, "roads", 0)
    with pytest.raises(InputError, match='another outcome than "y"'):
        mediation_values(analysis, "y", 0)


@pytest.mark.calibration
def test_the_planted_indirect_effect_lies_in_95_percent_intervals_in_95_percent_of_panels():
    """100 panels with an indirect effect of 0.2 and a direct one of 0.1: both covered in 88 to 100%."""
    covered = []
    for seed in range(100):
        mediated = mediation_values(analysis_of(mediated_panel(500 + seed)), "m", seed)
        covered.append(
            [getattr(mediated, name).lower <= truth <= getattr(mediated, name).upper for name, truth in PLANTED]
        )
    shares = np.mean(covered, axis=0)
    assert (shares >= 0.88).all()
    assert shares.mean() <= 0.995


PLANTED = (("indirect", 0.2), ("direct", 0.1), ("total", 0.3))
