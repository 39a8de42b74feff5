"""Are computed equations of a channel those that draws show, and do their products hang on the seed?"""

import dataclasses

import numpy as np
import pytest

from bri_bayes.checks.mediation import mediation_values, recipes_of
from bri_bayes.checks.path_draws import DRAWS, _Points, _Sampled, equation
from bri_bayes.inference.quasi_random import sobol

from .interactions import analysis_of, mediated_panel

# Four Monte Carlo sds of two thousand draws, as a share of the posterior sd.
SHARE = 0.1


def test_slope_and_effect_of_an_equation_have_the_joint_posterior_of_its_draws():
    recipe = recipes_of(analysis_of(mediated_panel(3, alpha=2.0, rho=(0.3, 0.8))), "m")["outcome"]
    computed, sampled = _Points.of(recipe, 0, "m"), _Sampled.of(recipe, 1, "m")
    ours, theirs = computed.draws(sobol(DRAWS, 3, np.random.default_rng(2))), sampled.every
    for name in ("effect", "slope", "sd", "rho"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert a.mean() == pytest.approx(b.mean(), abs=SHARE * b.std()), name
        assert a.std() == pytest.approx(b.std(), rel=SHARE), name
    pairs = (("effect", "slope"), ("slope", "sd"), ("effect", "rho"))
    for first, second in pairs:
        a, b = (np.corrcoef(getattr(of, first), getattr(of, second))[0, 1] for of in (ours, theirs))
        assert a == pytest.approx(b, abs=SHARE), (first, second)
    assert abs(np.corrcoef(ours.effect, ours.slope)[0, 1]) > 0.3  # there is something to be missed
    for name, draws in (("effect", ours.effect), ("slope", ours.slope)):
        effect = getattr(computed, name)
        assert draws.mean() == pytest.approx(effect.mean, abs=0.002 * effect.sd)
        assert np.quantile(draws, [0.025, 0.975]) == pytest.approx([effect.lower, effect.upper], abs=0.04 * effect.sd)


def test_a_channel_in_units_of_any_size_has_the_same_posterior():
    """The covariance of slope and effect is a difference of variances, of which one must not swallow the other."""
    panel = mediated_panel(3, alpha=2.0)
    uniform = sobol(DRAWS, 3, np.random.default_rng(2))
    of_scale = {}
    for scale in (1.0, 1e15):
        recipe = recipes_of(analysis_of(panel.assign(m=panel["m"] * scale)), "m")["outcome"]
        draws = _Points.of(recipe, 0, "m").draws(uniform)
        of_scale[scale] = np.corrcoef(draws.effect, draws.slope)[0, 1]
    assert of_scale[1e15] == pytest.approx(of_scale[1.0], abs=1e-3)


def test_products_of_both_equations_hardly_hang_on_the_seed():
    """Independent draws, two thousand of them, moved an end by 0.05 of a posterior sd."""
    answers = [mediation_values(analysis_of(mediated_panel(3)), "m", seed, alone=False) for seed in range(4)]
    for name in ("indirect", "total"):
        ends = np.array([[getattr(it, name).lower, getattr(it, name).upper] for it in answers])
        assert (np.ptp(ends, axis=0) < 0.1 * getattr(answers[0], name).sd).all()


def test_an_equation_that_the_closed_form_does_not_cover_is_sampled(monkeypatch):
    analysis = analysis_of(mediated_panel(3))
    recipe = recipes_of(analysis, "m")["channel"]
    assert isinstance(equation(recipe, 0), _Points)
    monkeypatch.setattr("bri_bayes.checks.path_draws.is_feasible", lambda *_: False)
    sampled = equation(recipe, 0)
    assert isinstance(sampled, _Sampled)
    assert sampled.slope is None
    assert sampled.draws(np.full((4, 3), 0.5)).effect.shape == (4,)
    assert dataclasses.asdict(sampled.effect)["sd"] > 0
