"""Onsets of the same treated units, answered together, against the engine for one at a time."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.att import att_given, att_posterior
from bri_bayes.inference.convergence import ESS_LIMIT
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.onsets import EqualOnsets, att_of_onsets
from bri_bayes.study.model_card import Sampler

from .panels import make_card, make_panel
from .test_equal_units import EQUAL

# Monte Carlo error of two importance samples of 400 effective points or more, quasi-random: of a mean and of an end of
# an interval, in posterior sds; of an sd, as a share of it.
MEAN, END, SPREAD = 0.02, 0.04, 0.02
PRECISE = Sampler(draws=200, proposals=4000)
ONSETS = (2002, 2006, 2009)


def recipe(n_treated=3, **changes):
    panel, assignment = make_panel(seed=2, holes=False)
    units = assignment.units[:n_treated]
    return Analysis(panel, assignment.swap(units, 2006), make_card(**changes, sampler=PRECISE))


@pytest.mark.parametrize("changes", EQUAL.values(), ids=EQUAL.keys())
@pytest.mark.parametrize("n_treated", [1, 3])
def test_at_the_same_points_an_onset_has_density_mean_and_sd_of_its_own_recipe(changes, n_treated):
    analysis = recipe(n_treated, **changes)
    onsets = ONSETS[:2]  # of the last alone an effect has one year, and a path no bends
    model = EqualOnsets.build(analysis.design, analysis.card, onsets)
    start = model.space.start()
    vectors = start + 0.5 * np.random.default_rng(1).standard_normal((20, start.size))
    ours = model.evaluate(vectors, np.arange(2))
    for position, onset in enumerate(onsets):
        alone = analysis.replace(assignment=analysis.assignment.shift(onset - 2006))
        log_density, means, sds = att_given(alone.design, alone.card, vectors)
        scale = alone.design.attrs["y_scale"]
        for our, their in zip((row[position] for row in ours), (log_density, means / scale, sds / scale), strict=True):
            assert our == pytest.approx(their, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("n_treated", [1, 3])
def test_each_onset_has_the_posterior_that_a_refit_gives_it_with_one_year_of_effects_too(n_treated):
    analysis = recipe(n_treated)
    ours = att_of_onsets(analysis.design, analysis.card, ONSETS, points=4000)
    for position, onset in enumerate(ONSETS):
        alone = analysis.replace(assignment=analysis.assignment.shift(onset - 2006))
        effect = att_posterior(alone.design, alone.card, seed=1).effect
        assert float(ours["mean"][position]) == pytest.approx(effect.mean, abs=MEAN * effect.sd)
        assert float(ours["sd"][position]) == pytest.approx(effect.sd, rel=SPREAD)
        assert float(ours["lower"][position]) == pytest.approx(effect.lower, abs=END * effect.sd)
        assert float(ours["upper"][position]) == pytest.approx(effect.upper, abs=END * effect.sd)
        assert float(ours["p_positive"][position]) == pytest.approx(effect.p_positive, abs=0.01)


def test_onsets_that_common_points_carry_badly_get_as_many_points_as_a_refit():
    analysis = recipe()
    onsets = range(2001, 2010)
    few, many = (att_of_onsets(analysis.design, analysis.card, onsets, points=points) for points in (200, 4000))
    assert few["alone"].any()
    assert not many["alone"].any()
    for answers in (few, many):
        assert float(answers["ess"].min()) > ESS_LIMIT
        assert float(answers["khat"].max()) < KHAT_LIMIT
    assert float((np.abs(few["mean"] - many["mean"]) / many["sd"]).max()) < 2 * MEAN


def test_multiplying_the_outcome_by_100_multiplies_the_answers_by_100():
    analysis = recipe()
    hundred = analysis.replace(panel=analysis.panel.assign(y=100 * analysis.panel["y"] + 7))
    ours, theirs = (att_of_onsets(some.design, some.card, ONSETS) for some in (analysis, hundred))
    assert theirs["mean"].to_numpy() == pytest.approx(100 * ours["mean"].to_numpy(), rel=1e-4)
    assert theirs["p_positive"].to_numpy() == pytest.approx(ours["p_positive"].to_numpy(), abs=1e-6)


def test_rows_that_onsets_do_not_share_and_onsets_beyond_the_panel_are_refused():
    analysis = recipe()
    adjusted = analysis.replace(card=dataclasses.replace(analysis.card, covariates=("x",)))
    with pytest.raises(InputError, match='the onsets of the card "test" do not share their rows here'):
        att_of_onsets(adjusted.design, adjusted.card, ONSETS)
    with pytest.raises(InputError, match="the onset 2000 is outside the periods 2001 to 2009"):
        att_of_onsets(analysis.design, analysis.card, (2000, 2005))
