"""Is the posterior by second moments of classes that of the coefficients, unit by unit, where covariates differ?"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bri_bayes.estimands.linear import att_effect, effects_by
from bri_bayes.inference import fit
from bri_bayes.inference.by_classes import att_by_classes, fit_by_classes
from bri_bayes.inference.class_moments import ClassMoments, covers_moments
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.linear_estimands import effect_functionals
from bri_bayes.study.model_card import load_card

from .test_exchangeable import SAME, SAME_FIT, SAME_LOG_DENSITY, _analysis


def _with_covariates(card, **shape):
    analysis = _analysis(card, **shape)
    values = np.random.default_rng(5).normal(size=(2, *analysis.panel["y"].shape))
    panel = analysis.panel.assign(a=(("unit", "period"), values[0]), b=(("unit", "period"), values[1]))
    return analysis.replace(panel=panel, card=dataclasses.replace(analysis.card, covariates=("a", "b")))


@pytest.mark.parametrize(
    ("card", "missing", "onsets"),
    [
        ("did_shared", 0.0, (2006,)),
        ("did_shared", 0.05, (2005, 2008)),
        ("did_group_walk", 0.05, (2006,)),
        ("did_trend", 0.0, (2006,)),
        ("event_study", 0.0, (2005, 2008)),
        ("did_by_unit", 0.05, (2006,)),
    ],
)
def test_density_means_and_sds_are_those_of_the_coefficients(card, missing, onsets):
    analysis = _with_covariates(card, missing=missing, onsets=onsets)
    design = analysis.design
    by_coefficient, by_moments = (kind.build(design, analysis.card) for kind in (Collapsed, ClassMoments))
    start = by_coefficient.space.start()
    vectors = start + 0.4 * np.random.default_rng(1).normal(size=(10, start.size))
    treated = design["treated"].to_numpy()
    weights = np.vstack([treated / treated.sum(), np.eye(treated.size)[np.flatnonzero(treated)[::5]]])
    functionals = effect_functionals(by_coefficient.terms, weights)
    ours, theirs = (model.given(vectors, functionals) for model in (by_moments, by_coefficient))
    assert ours[0] == pytest.approx(theirs[0], abs=SAME_LOG_DENSITY)
    assert by_moments.log_posterior(vectors) == pytest.approx(theirs[0], abs=SAME_LOG_DENSITY)
    assert ours[1] == pytest.approx(theirs[1], abs=SAME)
    assert ours[2] == pytest.approx(theirs[2], abs=SAME)


def test_a_fit_with_covariates_gives_the_effects_of_the_ordinary_fit():
    analysis = _with_covariates("did")
    ordinary, by_classes = fit(analysis, pointwise=False), fit_by_classes(analysis, 0)
    assert att_effect(by_classes).mean == pytest.approx(att_effect(ordinary).mean, abs=SAME_FIT)
    for name, effect in effects_by(ordinary, "event_time").items():
        assert effects_by(by_classes, "event_time")[name].mean == pytest.approx(effect.mean, abs=SAME_FIT)
    assert by_classes.log_marginal == pytest.approx(ordinary.log_marginal, abs=SAME_FIT)
    assert att_by_classes(analysis.design, analysis.card, 0)[0].mean == att_effect(by_classes).mean


def test_modifiers_weights_and_scales_by_unit_go_by_coefficients():
    analysis = _with_covariates("did")
    assert covers_moments(analysis.design, analysis.card)
    assert not covers_moments(analysis.design, dataclasses.replace(analysis.card, modifiers=("a",)))
    assert not covers_moments(analysis.design, load_card("did_scale_by_unit"))
