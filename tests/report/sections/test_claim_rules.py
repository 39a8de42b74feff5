"""Does a verdict follow from the numbers by its rule?"""

import dataclasses

import pytest

from bri_bayes.checks.claimed_effect import of_moments
from bri_bayes.core.resources import shipped
from bri_bayes.presentation.results import CANNOT_BE_TOLD, NOT_SUPPORTED, SUPPORTED
from bri_bayes.report.sections.claim_rules import RULES, judged
from bri_bayes.report.sections.section import Context
from bri_bayes.study.claims import RULES as RULE_NAMES
from bri_bayes.study.claims import WORDS, StatedClaim
from bri_bayes.study.study_file import load_study

NOTHING_UNMEASURED = {"mean": 0.1, "lower": 0.01, "upper": 0.2}


def claim(rule, **more):
    return StatedClaim(text="{outcome}", where="a table", rule=rule, **more)


def verdict(rule, values, claimed=0.2, **more):
    evidence = RULES[rule].judge(claim(rule, **more), values, claimed)
    return None if evidence is None else evidence.verdict


def main_answer(mean, sd, p_value, claimed=0.218):
    p_part = of_moments(claimed, mean=mean, sd=sd)
    att = {"mean": mean, "sd": sd, "lower": mean - 1.96 * sd, "upper": mean + 1.96 * sd, "p_positive": 0.5}
    return {
        "label": "Exports",
        "main": "did",
        "models": {"did": {"att": att, "claims": [{"claimed": claimed, "p_part": float(p_part)}]}},
        "frequentist": [{"inference": "permutation", "p_value": p_value}],
    }


@pytest.mark.parametrize(
    ("mean", "sd", "p_value", "expected"),
    [
        (0.22, 0.05, 1 / 126, SUPPORTED),
        (0.22, 0.05, 0.5, CANNOT_BE_TOLD),  # the posterior alone is not enough
        (0.12, 0.20, 1 / 126, CANNOT_BE_TOLD),
        (-0.30, 0.10, 0.9, NOT_SUPPORTED),
        (0.00, 0.05, 0.9, NOT_SUPPORTED),  # half of the claim is more than two sd away
    ],
)
def test_an_effect_needs_the_interval_and_the_permutation(mean, sd, p_value, expected):
    assert verdict("effect", main_answer(mean, sd, p_value), claimed=0.218) == expected


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((0.01, 0.05), SUPPORTED),
        ((0.56, 0.5), CANNOT_BE_TOLD),  # as the same p does for the claim of an effect
        ((0.04, 0.2), CANNOT_BE_TOLD),
        ((0.2, 0.04), CANNOT_BE_TOLD),
    ],
)
def test_fake_groups_support_the_claim_only_when_few_are_as_large_by_both(shares, expected):
    space = {"n": 126, "p_value": shares[0], "p_value_twfe": shares[1]}
    assert verdict("fake_groups", {"space": space}) == expected


def fake_years(*intervals):
    rows = [
        {"onset": year, "att": {"mean": 0.0, "lower": low, "upper": high}}
        for year, (low, high) in zip((2012, 2007), intervals, strict=False)
    ]
    return {"time": {"with_treated_years": rows}}


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        (((-0.05, 0.08), (-0.09, 0.1)), SUPPORTED),
        (((-0.05, 0.08), (0.01, 0.09)), NOT_SUPPORTED),
        (((-0.4, 0.5), (-0.05, 0.05)), CANNOT_BE_TOLD),
    ],
)
def test_an_interval_that_holds_zero_and_the_claim_supports_neither(intervals, expected):
    assert verdict("fake_onsets", fake_years(*intervals), onsets=(2012, 2007)) == expected


def test_without_every_fake_year_nothing_is_said_of_them():
    assert verdict("fake_onsets", fake_years((-0.1, 0.1)), onsets=(2012, 2007)) is None
    assert verdict("fake_groups", {"space": None}) is None
    assert verdict("parallel_trends", {"pretrend": None}) is None


@pytest.mark.parametrize(("passed", "expected"), [(True, SUPPORTED), (False, NOT_SUPPORTED), (None, CANNOT_BE_TOLD)])
def test_the_verdict_on_trends_is_that_of_the_check(passed, expected):
    values = {"pretrend": {"passed": passed, "slope": {}, "detectable_slope": 0.1, "joint": {"p_permutation": 0.5}}}
    assert verdict("parallel_trends", values) == expected


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        (((0.1, 0.4), (0.0001, 0.3), (0.2, 0.5)), SUPPORTED),
        (((0.1, 0.4), (-0.1, 0.3), (0.2, 0.5)), CANNOT_BE_TOLD),
        (((-0.4, -0.1), (-0.3, -0.1), (-0.5, -0.2)), NOT_SUPPORTED),
        (((0.1, 0.4), (0.1, 0.3), None), CANNOT_BE_TOLD),  # a match that is not possible supports nothing
    ],
)
def test_a_matched_effect_counts_when_every_way_to_match_agrees(intervals, expected):
    effects = [None if pair is None else {"lower": pair[0], "upper": pair[1]} for pair in intervals]
    methods = {name: {"att": att} for name, att in zip(("nearest", "kernel", "radius"), effects, strict=True)}
    assert verdict("matched", {"methods": methods}) == expected


@pytest.mark.parametrize(
    ("slope", "expected"), [((-0.2, -0.1), SUPPORTED), ((0.1, 0.2), NOT_SUPPORTED), ((-0.1, 0.1), CANNOT_BE_TOLD)]
)
def test_a_moderator_weakens_the_effect_when_its_slope_lies_below_zero(slope, expected):
    version = {"slope": {"lower": slope[0], "upper": slope[1]}, "p_negative": 0.5, "title": "Fixed before"}
    values = {"main": "before_onset", "versions": {"before_onset": version}}
    evidence = RULES["moderation"].judge(claim("moderation"), values, None)
    assert (evidence.verdict, evidence.note) == (expected, "fixed before")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((SUPPORTED, SUPPORTED), SUPPORTED),
        ((SUPPORTED, NOT_SUPPORTED), NOT_SUPPORTED),
        ((SUPPORTED, CANNOT_BE_TOLD), CANNOT_BE_TOLD),
    ],
)
def test_a_mechanism_needs_every_channel(verdicts, expected):
    channels = {str(n): {"verdict": each, "indirect": NOTHING_UNMEASURED} for n, each in enumerate(verdicts)}
    assert verdict("mediation", {"channels": channels}) == expected


@pytest.mark.parametrize(("both", "expected"), [(0.95, SUPPORTED), (0.05, NOT_SUPPORTED), (0.5, CANNOT_BE_TOLD)])
def test_two_effects_are_positive_together_by_the_probability_of_both(both, expected):
    pair = {"labels": ["Exports", "Imports"], "quadrants": quadrants(both, 0.01, 0.01)}
    assert verdict("both_positive", pair) == expected


def test_a_claim_on_two_outcomes_that_part_says_what_is_told_of_each(context):
    (claim,) = both_rose(context, quadrants(0.2, 0.78, 0.01))
    assert (claim.claim, claim.verdict) == (
        "Exports and imports both rose (exports: supported; imports: cannot be told)",
        CANNOT_BE_TOLD,
    )
    (claim,) = both_rose(context, quadrants(0.2, 0.3, 0.3))
    assert claim.claim == "Exports and imports both rose"


def quadrants(both, first, second):
    alone = {"first_up_second_not": first, "second_up_first_not": second}
    return {"both_up": both, **alone, "neither_up": 1 - both - first - second}


def both_rose(context, shares):
    pair = {"labels": ["Exports", "Imports"], "quadrants": shares}
    return judged(context, ("both_positive",), {"lnexport+lnimport": pair})


@pytest.fixture
def context():
    return Context(study=load_study(shipped("data")), panel=None, cards={})


def test_every_rule_that_a_study_may_name_is_there():
    assert set(RULES) == set(RULE_NAMES)
    assert set(WORDS) <= set(RULE_NAMES)


def test_the_claims_of_a_study_are_judged_by_name_and_a_study_without_claims_has_none():
    study = load_study(shipped("data"))
    pair = {"labels": ["Exports", "Imports"], "quadrants": quadrants(0.99, 0.005, 0.005)}
    context = Context(study=study, panel=None, cards={})
    (both,) = judged(context, ("both_positive",), {"lnexport+lnimport": pair})
    assert (both.claim, both.verdict) == ("Exports and imports both rose", SUPPORTED)
    effects = judged(context, ("effect",), {"lnexport": main_answer(0.22, 0.05, 1 / 126)})
    assert [each.claim for each in effects] == ["Exports: the initiative raised them by 0.218"]
    silent = dataclasses.replace(context, study=dataclasses.replace(study, claims=()))
    assert judged(silent, ("both_positive",), {"lnexport+lnimport": pair}) == ()


@pytest.mark.parametrize("share", [0.03, 0.05, 0.2, 0.5])
def test_a_permutation_p_says_the_same_of_an_effect_and_of_fake_groups(share):
    """Where nothing but the share decides: an interval above zero that holds the claim."""
    of_effect = verdict("effect", main_answer(0.3, 0.1, share), claimed=0.218)
    assert of_effect == verdict("fake_groups", {"space": {"n": 126, "p_value": share, "p_value_twfe": share}})
