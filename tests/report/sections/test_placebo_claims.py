"""Does a verdict follow from the numbers by its rule?"""

import pytest

from bri_bayes.report.sections.placebo_claims import OPEN, REFUSED, SUPPORTED, placebo_claims, pretrend_claim


def space(posterior, twfe):
    return {"space": {"n": 126, "p_value": posterior, "p_value_twfe": twfe}}


def years(*intervals):
    rows = [
        {"onset": year, "att": {"mean": 0.0, "lower": low, "upper": high}}
        for year, (low, high) in zip((2012, 2007), intervals, strict=False)
    ]
    return {"time": {"with_treated_years": rows}}


@pytest.mark.parametrize(
    ("shares", "verdict"), [((0.01, 0.05), SUPPORTED), ((0.56, 0.5), REFUSED), ((0.04, 0.2), OPEN), ((0.2, 0.04), OPEN)]
)
def test_fake_groups_support_the_claim_only_when_few_are_as_large_by_both(shares, verdict):
    (claim,) = placebo_claims("Exports", 0.2, space(*shares))
    assert claim["verdict"] == verdict


@pytest.mark.parametrize(
    ("intervals", "verdict"),
    [
        (((-0.05, 0.08), (-0.09, 0.1)), SUPPORTED),
        (((-0.05, 0.08), (0.01, 0.09)), REFUSED),
        (((-0.4, 0.5), (-0.05, 0.05)), OPEN),
    ],
)
def test_an_interval_that_holds_zero_and_the_claim_supports_neither(intervals, verdict):
    (claim,) = placebo_claims("Exports", 0.2, years(*intervals))
    assert claim["verdict"] == verdict


def test_without_both_years_nothing_is_said_of_them():
    assert placebo_claims("Exports", 0.2, years((-0.1, 0.1))) == []


@pytest.mark.parametrize(("passed", "verdict"), [(True, SUPPORTED), (False, REFUSED), (None, OPEN)])
def test_the_verdict_on_trends_is_that_of_the_check(passed, verdict):
    claim = pretrend_claim("Exports", {"passed": passed, "slope": {}, "detectable_slope": 0.1})
    assert claim["verdict"] == verdict
