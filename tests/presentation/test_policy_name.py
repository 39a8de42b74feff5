"""Does a reader see the policy by the name that the study gives it?"""

from __future__ import annotations

from bri_bayes.presentation.page_parts import Paragraph, with_policy_named
from bri_bayes.presentation.policy_name import naming_policy, policy_of
from bri_bayes.presentation.table_spec import TableSpec

NAMED = {"study": {"policy": "the Belt and Road Initiative"}, "panel": {"kind": "user"}}


def test_a_text_has_the_name_of_the_study_and_a_sentence_begins_with_a_capital():
    text = "The policy began in 2013. Years before the policy are left."
    assert naming_policy(NAMED, text) == (
        "The Belt and Road Initiative began in 2013. Years before the Belt and Road Initiative are left."
    )
    assert policy_of(NAMED) == "the Belt and Road Initiative"


def test_a_study_that_names_none_keeps_the_words():
    assert naming_policy({"study": {"policy": None}}, "Without the policy") == "Without the policy"
    assert policy_of({}) == "the policy"


def test_a_table_and_a_paragraph_name_it_in_what_they_say():
    spec = TableSpec("t", "Before the policy", (), lambda _: [], lambda _: ["The policy is one."])
    table = spec.fill(NAMED)
    assert table.caption == "Before the Belt and Road Initiative"
    assert table.notes == ("The Belt and Road Initiative is one.",)
    said = with_policy_named(NAMED, Paragraph("Without the policy.", strong=True))
    assert said == Paragraph("Without the Belt and Road Initiative.", strong=True)
