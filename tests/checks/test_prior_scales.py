"""Which scales were learned: a planted one that is, one that cannot be, and the rule."""

import numpy as np
import pytest

from bri_bayes.checks.prior_predictive import prior_predictive
from bri_bayes.checks.prior_scales import refits_by_scale, scales, verdict
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.first_answer import what_separates
from bri_bayes.inference.att import att_posterior
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.model_card import Effects, Shocks
from tests.inference.panels import make_card, make_panel


def rows_of(panel, assignment, **changes):
    card = make_card(effects=Effects(treatment="by_unit"), **changes)
    posterior = att_posterior(Analysis(panel, assignment, card).design, card, seed=0)
    refits = refits_by_scale(posterior, seed=0)
    return {row.name: row for row in scales(posterior, refits)}, refits


def spread_panel(n_treated, spread, seed=5):
    """Treated units whose effects differ by ``spread``, as many controls."""
    rng = np.random.default_rng(seed)
    units = [f"U{i:02d}" for i in range(2 * n_treated)]
    assignment = Assignment({unit: 2006 if i < n_treated else None for i, unit in enumerate(units)})
    effect = {unit: [float(spread * rng.standard_normal())] * 6 for unit in assignment.treated_units}
    panel, _ = simulate_panel(assignment, range(2000, 2012), effect=effect, rho=0.3, innovation_sd=0.3, seed=seed)
    return panel, assignment


def test_three_units_do_not_learn_how_much_effects_differ_and_thirty_do():
    few, _ = rows_of(*spread_panel(3, 0.0))
    many, _ = rows_of(*spread_panel(30, 0.6))
    assert few["omega"].verdict != "learned"
    assert few["sigma"].verdict == "learned"
    assert many["omega"].verdict == "learned"
    assert many["omega"].contraction > few["omega"].contraction
    assert many["omega"].overlap < few["omega"].overlap


def test_prior_and_posterior_curves_are_densities():
    rows, _ = rows_of(*spread_panel(8, 0.5))
    for name, row in rows.items():
        x = np.array(row.curve.x)
        step = x[1] - x[0]
        # The curve of a scale ends where the prior has a tenth left at most.
        assert 0.85 < np.sum(row.curve.posterior) * step < 1.05, name
        assert np.sum(row.curve.prior) * step < 1.05, name


def test_half_and_double_the_scale_of_a_tight_prior_move_the_answer_and_a_wide_one_does_not():
    _, tight = rows_of(*make_panel(seed=3, effect=1.0), priors=Priors(effect=0.2, effect_unit=0.05))
    moved = {(row.prior, row.factor): row.moved_sd for row in tight}
    assert moved["effect", 0.5] < -0.3 < 0.3 < moved["effect", 2.0]
    assert abs(moved["unit", 2.0]) < 0.05
    _, wide = rows_of(*make_panel(seed=3, effect=1.0), priors=Priors(effect=50.0))
    assert all(abs(row.moved_sd) < 0.05 for row in wide if row.prior == "effect")


def test_the_rule_of_the_verdict():
    assert verdict(0.9, 0.1) == "learned"
    assert verdict(0.9, None) == "learned"
    assert verdict(0.7, 0.1) == "partly learned"
    assert verdict(0.9, 0.3) == "partly learned"
    assert verdict(0.4, 0.0) == "not learned"
    assert verdict(0.9, 0.6) == "not learned"


def test_the_prior_predictive_of_a_log_outcome_is_in_dollars_and_percent():
    panel, assignment = make_panel(seed=3, holes=False)
    panel["y"].attrs.update({"transform": "log", "level_to_usd": 1e6})
    expected = prior_predictive(Analysis(panel, assignment, make_card()), draws=2000, seed=0)
    levels = 1e6 * np.exp(panel["y"].to_numpy())
    row = expected.rows["level_on_path"]
    assert (row.observed_low, row.observed_high) == pytest.approx((levels.min(), levels.max()))
    assert row.q025 < levels.min() < levels.max() < row.q975
    assert expected.rows["att"].q025 > -100
    assert set(expected.total_by_period) == {str(year) for year in range(2000, 2010)}
    assert set(expected.additional_trade_by_period) == {str(year) for year in range(2006, 2010)}
    # Additional trade cannot exceed all trade there is.
    after = {str(year): levels[:3, year - 2000].sum() for year in range(2006, 2010)}
    assert all(expected.additional_trade_by_period[year].q975 < total for year, total in after.items())


def test_the_prior_predictive_of_another_outcome_stays_in_its_units():
    expected = prior_predictive(Analysis(*make_panel(seed=3), make_card()), draws=1000, seed=0)
    assert set(expected.rows) == {"level", "level_on_path", "change_on_path", "att"}
    assert not expected.in_logs
    assert expected.rows["att"].q025 == pytest.approx(-expected.rows["att"].q975, rel=0.3)


def test_the_size_of_shared_shocks_is_refitted_and_is_learned_no_further_than_its_number_says():
    """One group of four treated units among single controls: its prior has a say."""
    rows, refits = rows_of(*spread_panel(4, 0.0), shocks=Shocks("like_errors"))
    row = rows["shock_ratio"]
    assert {refit.factor for refit in refits if refit.prior == "shock"} == {0.5, 2.0}
    assert row.contraction == pytest.approx(1 - row.kept**2)
    assert row.kept > rows["sigma"].kept
    # A ratio has no unit, so neither have its quantiles: half-normal with scale one.
    assert row.expected.median == pytest.approx(0.6745, abs=1e-3)
    assert row.expected.upper == pytest.approx(2.2414, abs=1e-3)


@pytest.mark.parametrize(("kept", "word"), [(0.8, "hardly learned (80%"), (0.6, "partly learned (60%"), (0.3, "well")])
def test_the_sentence_of_the_first_answer_follows_from_how_much_was_learned(kept, word):
    panel, assignment = spread_panel(4, 0.0)
    groups = {unit: "one" if unit in assignment.treated_units else unit for unit in panel["unit"].to_numpy().tolist()}
    panel = panel.assign_coords(group=("unit", [groups[unit] for unit in panel["unit"].to_numpy().tolist()]))
    card = make_card(shocks=Shocks("like_errors"))
    said, size = what_separates(card, Analysis(panel, assignment, card).design, kept)
    assert "one group" in said
    assert word in size


def test_a_group_with_several_onsets_is_not_said_to_have_had_the_policy_once():
    panel, once = spread_panel(4, 0.0)
    groups = ["one" if unit in once.treated_units else unit for unit in panel["unit"].to_numpy().tolist()]
    panel, card = panel.assign_coords(group=("unit", groups)), make_card(shocks=Shocks("like_errors"))
    several = Assignment(once.first_treated | {once.treated_units[0]: 2007})
    told, other = (what_separates(card, Analysis(panel, who, card).design, None)[0] for who in (once, several))
    assert "tried once" in told
    assert "one group with 2 onsets" in other
    assert "once" not in other
