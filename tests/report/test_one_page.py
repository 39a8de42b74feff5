"""Does the sheet have what somebody needs who decides, each thing once?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bri_bayes.checks.pretrend import pretrend_values
from bri_bayes.presentation.first_screen import Line, caveats, for_all_outcomes
from bri_bayes.presentation.table_spec import Column, Table
from bri_bayes.report import brief_sentences
from bri_bayes.report.briefs import brief
from bri_bayes.report.one_page import one_page_content
from tests.checks.panels import TREATED, recipe


def _outcome(lower: float, upper: float, separates: list[str]) -> dict[str, Any]:
    att = {"mean": (lower + upper) / 2, "sd": 1.0, "lower": lower, "upper": upper, "p_positive": 0.5}
    return {
        "label": "Trade", "main": "did", "models": {"did": {"att": att}}, "treated": ["A"],
        "first": {"separates": separates},
    }  # fmt: skip


def _page(*outcomes: dict[str, Any], lines: list[Line]) -> dict[str, Any]:
    columns = (Column("claim", "claim"), Column("verdict", "verdict", "verdict"), Column("number", "number"))
    table = Table("claims", "Each claim", columns, ({"claim": "it rose", "verdict": "supported", "number": "0.2"},))
    main = {
        "answers": [{"label": f"Trade {at}", "lines": lines} for at, _ in enumerate(outcomes)],
        "briefs": [SimpleNamespace(anchor="power", table=None), SimpleNamespace(anchor="claims", table=table)],
    }
    values = {"outcomes": {f"y{at}": outcome for at, outcome in enumerate(outcomes)}, "panel": {"units": ["A", "B"]}}
    return one_page_content(values, main, "report.html")


def test_a_section_without_a_plan_is_called_by_its_title_and_needs_no_appendix() -> None:
    told = brief({"study": {}, "outcomes": {}}, "hello", "Hello", {"drawings": {}})
    assert (told.question, told.answer, told.figure) == ("Hello", (), None)


def test_a_claim_is_a_row_of_two_cells_and_the_answer_one_sentence() -> None:
    page = _page(_outcome(0.1, 0.5, []), lines=[])
    assert [column.key for column in page["verdicts"].columns] == ["claim", "verdict"]
    assert len(page["verdicts"].rows) == 1
    assert page["headline"] == "The effect stands above zero."
    assert page["questions"] == []


def test_a_claim_with_one_verdict_on_both_outcomes_is_one_row_and_with_two_verdicts_two() -> None:
    page = _page(_outcome(-1, 1, []), _outcome(-1, 1, []), lines=[])
    claims = [("Trade 0: one trend", "cannot be told"), ("Trade 1: one trend", "cannot be told")]
    claims += [("Trade 0: it rose", "supported"), ("Trade 1: it rose", "cannot be told"), ("Both rose", "supported")]
    columns = (Column("claim", "claim"), Column("verdict", "verdict", "verdict"))
    rows = tuple({"claim": claim, "verdict": verdict} for claim, verdict in claims)
    main = page | {"briefs": [SimpleNamespace(anchor="claims", table=Table("claims", "Each claim", columns, rows))]}
    verdicts = one_page_content({"outcomes": {}, "panel": {"units": []}}, main, "report.html")["verdicts"]
    assert [(row["claim"], row["verdict"]) for row in verdicts.rows] == [
        ("Trade 0 and trade 1: one trend", "cannot be told"),
        *claims[2:],
    ]


def test_lines_answer_the_question_they_belong_to_and_a_caveat_is_said_once() -> None:
    lines = [Line("How sure", "Half."), Line("Checks", "All pass."), Line("What would change it", "Shocks.")]
    page = _page(_outcome(-1, 1, ["One group."]), _outcome(-1, 1, ["One group."]), lines=lines)
    assert page["questions"] == [
        ("How sure", [("Trade 0", "Half. All pass."), ("Trade 1", "Half. All pass.")]),
        ("What would change it", [("Trade 0", "Shocks."), ("Trade 1", "Shocks.")]),
    ]
    assert page["caveats"] == ["One group.", "An interval that holds zero does not say that there was no effect."]


def test_an_interval_without_zero_has_no_caveat_on_zero_and_a_published_estimate_names_its_data() -> None:
    outcome = _outcome(0.1, 0.5, []) | {"published": {"source": "A (2020): goods, 2000-2010"}}
    values = {
        "outcomes": {"y": outcome},
        "panel": {"label": "Trade of B.", "periods": [2001, 2009], "units": ["A", "B"]},
    }
    assert caveats(values) == [
        "Our data: Trade of B, 2001 to 2009; the published estimates are of A (2020): goods, 2000-2010. "
        "Where goods or years differ, they are not the same quantity."
    ]


@pytest.mark.parametrize(
    ("trend", "hump", "said"),
    [
        (0.05, 0.0, "Trade: before the onset the treated already moved apart, by +0.0"),
        (0.0, 0.3, "Trade: before the onset the treated already stood apart, most by +0."),
        (0.0, 0.0, ""),
    ],
    ids=["a trend", "two years", "nothing"],
)
def test_years_before_the_onset_that_differ_are_a_caveat_of_the_first_screen_and_of_the_sheet(trend, hump, said):
    analysis = recipe(trend=trend, innovation_sd=0.03, seed=5)[0]
    early = np.isin(analysis.panel["unit"], TREATED)[:, None] & np.isin(analysis.panel["period"], (2007, 2008))[None, :]
    panel = analysis.panel.assign(y=analysis.panel["y"] + hump * xr.DataArray(early, dims=("unit", "period")))
    check = pretrend_values(analysis.replace(panel=panel), claim=0.4, panels=100)
    outcome = _outcome(0.1, 0.5, []) | {"first": {"separates": [], "card": "did", "assumption": "units independent"}}
    pretrends = {"outcomes": {"y": {"label": "Trade", "pretrend": check.as_dict()}}}
    values = {"outcomes": {"y": outcome}, "panel": {"units": ["A", "B"]}, "pretrends": pretrends}
    sheet = one_page_content(values, {"answers": [], "briefs": []}, "report.html")["caveats"]
    assert sheet == [text for text in for_all_outcomes(values) if text in sheet]
    assert [text.startswith(said) for text in sheet] == ([True] if said else [])
    # The section says it, too, and names the largest year.
    (told,) = brief_sentences.pretrends(values)
    assert ("no trend that matters" in told) is not bool(said)
    assert f"all leads together: p = {check.joint.p_permutation:.3f} by permutation" in told
