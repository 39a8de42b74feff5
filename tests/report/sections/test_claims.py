"""Does the section of claims collect those of every section, with their numbers?"""

from bri_bayes.core.resources import shipped
from bri_bayes.presentation.results import CANNOT_BE_TOLD
from bri_bayes.report.sections import load_section
from bri_bayes.report.sections.claims import CLAIMS
from bri_bayes.report.sections.section import Context
from bri_bayes.study.study_file import load_study

from .test_claim_rules import main_answer


def test_claims_of_the_other_sections_are_in_the_table_with_their_numbers():
    claim = {"claim": "x", "where": "Table 8", "rule": "r", "verdict": CANNOT_BE_TOLD}
    claim["numbers"] = {"slope": {"mean": 0.1, "lower": -0.2, "upper": 0.4}, "P(< 0)": 0.25, "years": [2003, 2013]}
    done = {"outcomes": {"lnexport": main_answer(0.1, 0.2, 0.5)}, "moderation": {"claims": [claim]}}
    context = Context(study=load_study(shipped("data")), panel=None, cards={}, done=done)
    values = {"panel": {"kind": "user"}, "claims": load_section("claims").collect(context, {}).as_dict()}
    assert [each["section"] for each in values["claims"]["claims"]] == ["answer", "moderation"]
    frame = CLAIMS.frame(values)
    assert frame["claim"].tolist() == ["Exports: the initiative raised them by 0.218", "x"]
    assert frame["numbers"].iloc[1] == "slope +0.10 (−0.20 to 0.40); P(< 0) 0.250; years 2003, 2013"
    assert frame["number"].tolist()[1] == "slope +0.10 (−0.20 to 0.40); P(< 0) 0.250"
    assert frame["number"].iloc[0].startswith("+")


def test_a_claim_on_two_outcomes_names_both_beside_its_numbers():
    numbers = {"both_up": 0.108, "first_up_second_not": 0.385, "second_up_first_not": 0.141, "neither_up": 0.366}
    claim = {"claim": "x", "where": "", "rule": "r", "verdict": CANNOT_BE_TOLD, "numbers": numbers, "outcome": "a+b"}
    joint = {"outcomes": {"a+b": {"labels": ["Exports of China", "Imports of China"]}}}
    frame = CLAIMS.frame({"panel": {"kind": "user"}, "claims": {"claims": [claim]}, "joint": joint})
    shown = "exports of China and imports of China both rose 0.108; only exports of China 0.385"
    assert frame["number"].iloc[0] == shown
    assert frame["numbers"].iloc[0] == f"{shown}; only imports of China 0.141; neither 0.366"
