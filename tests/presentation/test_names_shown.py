"""Claims about the names that a reader sees: labels for those of files, and no word of a sentence changed."""

from __future__ import annotations

from typing import Any

import pytest

from bri_bayes.checks.robustness import answers
from bri_bayes.core.resources import shipped
from bri_bayes.presentation.compared_labels import compared_label, label_and_role
from bri_bayes.presentation.names_shown import (
    CARDS,
    card_label,
    gate_in_words,
    in_sentence,
    in_words,
    known_from,
    table_in_words,
)
from bri_bayes.presentation.study_tables import REFERENCE
from bri_bayes.presentation.table_spec import RECONSTRUCTION, Column, Table

VALUES: dict[str, Any] = {
    "study": {"labels": {"gini_index": "Gini index"}},
    "unit_names": {"KAZ": "Kazakhstan", "BLR": "Belarus"},
    "outcomes": {"lnexport": {"label": "Exports"}, "trade": {"label": "Trade with China"}},
}

EFFECT = {"mean": 0.1, "sd": 0.1, "lower": -0.1, "upper": 0.3, "p_positive": 0.8}


def table(panel: dict[str, Any] | None = None, **row: Any) -> Table:
    return Table(
        "t", "by did_shared", (Column("a", "sigma_unit"), Column("n", "n", "number")), (row,), panel=panel or {}
    )


def test_every_shipped_card_has_a_label_of_its_own() -> None:
    cards = {path.stem for path in shipped("models").rglob("*.toml")}
    assert cards <= set(CARDS)
    assert len(set(CARDS.values())) == len(CARDS)


def test_a_card_of_the_user_is_called_by_its_name() -> None:
    assert card_label("mine") == "mine"
    of_a_study = VALUES | {"study": {"labels": {"did": "did"}}}
    assert card_label("did", of_a_study) == "did"
    assert table_in_words(of_a_study, table(a="did", n=1.0)).rows[0]["a"] == "did"
    assert card_label("did", VALUES) == CARDS["did"]


def test_the_comparison_and_the_robustness_section_call_a_card_as_the_first_screen_does() -> None:
    row = {"name": "did_iid", "label": "another word for it", "att": {}}
    outcome = {"roles": {"did_iid": "of the checks"}}
    assert compared_label(VALUES, row) == card_label("did_iid", VALUES) == CARDS["did_iid"]
    assert label_and_role(VALUES, outcome, row) == f"{CARDS['did_iid']} (of the checks)"
    option = answers({"compare": {"outcomes": {"y": {"models": [{**row, "att": EFFECT}]}}}}, "y")[0].option
    assert table_in_words(VALUES, table(a=option, n=1.0)).rows[0]["a"] == CARDS["did_iid"]


@pytest.mark.parametrize(
    ("label", "within"),
    [("Inequality", "inequality"), ("GDP growth", "GDP growth"), ("Gini index of income", "Gini index of income")],
)
def test_a_label_within_a_sentence_has_the_capital_of_a_name_alone(label: str, within: str) -> None:
    assert in_sentence(label) == within


def test_names_in_a_sentence_become_labels_and_words_stay_words() -> None:
    text = "did_shared on lnexport by gini_index: they did not trade, twfe/cluster is measured"
    said = "DID, shared shocks on Exports by Gini index: they did not trade, TWFE, clustered s.e. is measured"
    assert in_words(VALUES, text) == said
    assert in_words(VALUES, "models/did_shared.toml") == "models/did_shared.toml"


def test_a_cell_that_is_a_name_becomes_its_label_and_codes_become_countries() -> None:
    assert table_in_words(VALUES, table(a="did", n=1.0)).rows == ({"a": "DID, units independent", "n": 1.0},)
    assert table_in_words(VALUES, table(a="KAZ+BLR", n=1.0)).rows[0]["a"] == "Kazakhstan, Belarus"
    assert table_in_words(VALUES, table(a="without KAZ", n=1.0)).rows[0]["a"] == "without Kazakhstan"
    worded = table_in_words(VALUES, table(a="trade", n=1.0))
    assert (worded.rows[0]["a"], worded.caption) == ("Trade with China", "by DID, shared shocks")
    assert worded.columns[0].heading == "error scale of a unit (sigma)"


def test_a_parameter_of_a_unit_and_the_reference_of_an_event_study_are_told_in_words() -> None:
    assert table_in_words(VALUES, table(a="sigma_unit[KAZ]", n=1.0)).rows[0]["a"] == "error scale of Kazakhstan (sigma)"
    assert table_in_words(VALUES, table(a="noise_ratio[BLR]", n=1.0)).rows[0]["a"].endswith(", Belarus")
    assert table_in_words(VALUES, table(a=REFERENCE, n=1.0)).rows[0]["a"] == "the last period before the onset"


def test_inequality_in_a_table_of_the_paper_is_not_called_by_the_studys_own_index() -> None:
    values = VALUES | {"study": {"labels": {"inequality": "Gini index"}}}
    assert table_in_words(values, table(dict(RECONSTRUCTION), a="inequality")).rows[0]["a"] == "inequality"
    assert table_in_words(values, table(a="inequality")).rows[0]["a"] == "Gini index"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("flow", "firms that take part"),
        ("policy", "policy coordination"),
        ("BRI through policy", "BRI through policy coordination"),
    ],
)
def test_a_word_of_anybodys_panel_is_a_variable_of_the_paper_in_its_own_tables_alone(name: str, said: str) -> None:
    assert table_in_words(VALUES, table({"kind": "reconstruction"}, a=name, n=1.0)).rows[0]["a"] == said
    assert table_in_words(VALUES, table({"kind": "user"}, a=name, n=1.0)).rows[0]["a"] == name


def test_a_variable_of_the_paper_keeps_the_meaning_that_it_has_there() -> None:
    with_paper = VALUES | {"paper": {"audit": []}}
    assert in_words(with_paper, "the outcome lnexport") == "the outcome exports (log)"
    assert table_in_words(VALUES, table(dict(RECONSTRUCTION), a="lnexport")).rows[0]["a"] == "exports (log)"
    assert table_in_words(VALUES, table(a="lnexport")).rows[0]["a"] == "Exports"


def test_a_failed_computation_is_named_by_the_labels_of_its_parts() -> None:
    said = gate_in_words(VALUES, "moderation/lnexport/measured: 12 transitions diverged")
    assert said == "moderation, Exports, measured with error: 12 transitions diverged"
    assert gate_in_words(VALUES, "the chains of did_shared: not met") == "the chains of DID, shared shocks: not met"


def test_what_is_known_of_a_slope_comes_from_a_source_in_english() -> None:
    assert known_from("mostly the prior") == "comes mostly from the prior"
    assert known_from("the prior and the data") == "comes from the prior and the data"
