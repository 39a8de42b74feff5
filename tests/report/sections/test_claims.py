"""Do verdicts on the paper's claims follow their stated rule?"""

import pytest

from bri_bayes.report.sections import load_section
from bri_bayes.report.sections.claims import OPEN, REFUSED, SUPPORTED, _effect, table
from bri_bayes.report.sections.section import Context


def outcome(mean, sd, p_value):
    att = {"mean": mean, "sd": sd, "lower": mean - 1.96 * sd, "upper": mean + 1.96 * sd, "p_positive": 0.5}
    return {
        "label": "Exports",
        "published": {"estimate": 0.218, "se": 0.0385, "source": "a table"},
        "main": "did",
        "models": {"did": {"att": att}},
        "frequentist": [{"inference": "permutation", "p_value": p_value}],
    }


@pytest.mark.parametrize(
    ("mean", "sd", "p_value", "verdict"),
    [
        (0.22, 0.05, 1 / 126, SUPPORTED),
        (0.22, 0.05, 0.5, OPEN),  # the posterior alone is not enough
        (0.12, 0.20, 1 / 126, OPEN),
        (-0.30, 0.10, 0.9, REFUSED),
        (0.00, 0.05, 0.9, REFUSED),  # half of the claim is more than two sd away
    ],
)
def test_a_verdict_on_the_effect_follows_the_rule(mean, sd, p_value, verdict):
    assert _effect(outcome(mean, sd, p_value))["verdict"] == verdict


def test_claims_of_the_other_sections_are_in_the_table_with_their_numbers():
    claim = {"claim": "x", "where": "Table 8", "rule": "r", "verdict": OPEN}
    claim["numbers"] = {"slope": {"mean": 0.1, "lower": -0.2, "upper": 0.4}, "P(< 0)": 0.25, "years": [2003, 2013]}
    done = {"outcomes": {"lnexport": outcome(0.1, 0.2, 0.5)}, "moderation": {"claims": [claim]}}
    context = Context(study=None, panel=None, cards={}, done=done)
    values = {"panel": {"kind": "user"}, "claims": load_section("claims").collect(context, {})}
    frame = table(values)
    assert frame["claim"].tolist() == ["Exports: the initiative raised them by 0.218", "x"]
    assert frame["numbers"].iloc[1] == "slope +0.10 (−0.20 to 0.40); P(< 0) 0.250; years 2003, 2013"
