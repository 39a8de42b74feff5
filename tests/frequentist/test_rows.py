import json

import numpy as np
import pytest

from bri_bayes.frequentist import Estimate, event_study, frequentist_rows, permutation
from bri_bayes.frequentist.twfe import AGAINST_PRE_PERIOD

NAMES = [
    ("twfe", "iid"),
    ("twfe", "cluster"),
    ("twfe", "cluster_crv3"),
    ("twfe", "wild_cluster_bootstrap"),
    ("twfe", "permutation"),
    ("collapsed", "t"),
    ("imputation", "wild_cluster_bootstrap"),
]
# The known answers are printed with three digits.
HALF_DIGIT = 0.0005000001


@pytest.mark.parametrize("options", [{}, {"staggered": True}, {"n_treated": 1}, {"n_units": 2}, {"n_units": 14}])
def test_the_rows_are_always_the_same_seven_and_those_of_two_way_fixed_effects_share_their_estimate(helpers, options):
    rows = frequentist_rows(helpers.random_design(3, **{"n_covariates": 1, "share_missing": 0.1, **options}))
    assert [(row.estimator, row.inference) for row in rows] == NAMES
    assert len({row.estimate for row in rows[:5]}) == 1


def test_a_row_is_valid_json_with_missing_numbers_as_null():
    row = Estimate("twfe", "cluster", 0.5, float("nan"), float("nan"), None, float("inf"), df=8)
    assert json.loads(json.dumps(row.as_dict(), allow_nan=False)) == {
        "estimator": "twfe",
        "inference": "cluster",
        "estimate": 0.5,
        "se": None,
        "p_value": None,
        "lower": None,
        "upper": None,
        "df": 8,
    }


def test_every_row_of_a_design_is_valid_json(helpers):
    for options in ({}, {"n_units": 2}, {"staggered": True}):
        for row in frequentist_rows(helpers.random_design(3, **{"n_covariates": 0, "share_missing": 0.0, **options})):
            json.dumps(row.as_dict(), allow_nan=False)


@pytest.mark.real
@pytest.mark.parametrize(
    ("flow", "estimate", "iid", "cluster", "as_large"),
    [("export", 0.200, 0.127, 0.291, 63), ("import", 0.135, 0.314, 0.838, 118)],
)
def test_goods_trade_of_nine_countries_gives_the_known_answers(real_design, flow, estimate, iid, cluster, as_large):
    rows = {row.inference: row for row in frequentist_rows(real_design(flow))}
    assert rows["iid"].estimate == pytest.approx(estimate, abs=HALF_DIGIT)
    assert rows["iid"].se == pytest.approx(iid, abs=HALF_DIGIT)
    assert rows["cluster"].se == pytest.approx(cluster, abs=HALF_DIGIT)
    assert rows["permutation"].p_value == as_large / 126


@pytest.mark.real
def test_no_procedure_that_allows_for_serial_correlation_rejects_on_goods_trade(real_design):
    for flow in ("export", "import"):
        for row in frequentist_rows(real_design(flow))[1:]:
            assert row.lower < 0 < row.upper
            assert row.p_value > 0.3


@pytest.mark.real
def test_the_placebos_of_goods_trade_are_named_by_country(real_design):
    placebos = permutation(real_design("export")).placebos
    observed = placebos["unit"].to_numpy()[np.isfinite(placebos["first_treated"][0])]
    assert observed.tolist() == ["KAZ", "KGZ", "TJK", "TKM", "UZB"]
    assert placebos.sizes == {"assignment": 126, "unit": 9}


@pytest.mark.real
def test_the_event_study_of_goods_trade_has_a_first_and_a_last_year_and_the_average_effect(real_design):
    study = event_study(real_design("export"))
    assert (study.path.index[0], study.path.index[-1]) == (-10, 7)
    # Serbia begins in 2006, so the average differs a little from two-way fixed effects.
    assert study.contrasts.loc[AGAINST_PRE_PERIOD, "estimate"] == pytest.approx(0.2195, abs=5e-5)
