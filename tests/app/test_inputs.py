"""Claims about inputs as people have them: the rows of docs/inputs.md, each read by the command line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import bri_bayes.app.estimate as module
from bri_bayes.app.request import Request, question
from bri_bayes.cli.start import main
from bri_bayes.core.names import GROUP, WEIGHT
from bri_bayes.design.analysis import Analysis
from bri_bayes.frequentist import fit_twfe

from .input_forms import ONSET, csv, effect, forms, sales

DOCUMENT = Path(__file__).parents[2] / "docs" / "inputs.md"
FORMS = forms()
COLUMNS = ["--outcome", "sales", "--unit", "region", "--period", "year"]
CASES = {
    "plain.csv": (["--treated", "R1", "--treated", "R2", "--onset", "2010"], 58.85),
    "c07_tiny.csv": (["--treatment", "D"], 5.885e-08),
    "c08_all_treated.csv": (["--outcome", "y", "--unit", "id", "--treatment", "D"], 1.795),
    "c09_always_treated.csv": (["--outcome", "score", "--unit", "district", "--treatment", "adopted"], 4.292),
    "c10_bool.csv": (["--treatment", "D"], 58.85),
    "c10_first_treat.csv": (["--onset-column", "first_treat"], 58.85),
    "c10_treat_no_onset.csv": (["--treatment", "treat"], "never changes within a unit"),
    "c11_r_wide.csv": (
        ["--outcome", "log(exports)", "--unit", "country", "--treated", "Côte d’Ivoire,Türkiye", "--onset", "2008"],
        0.124,
    ),
    "c11_wide_static_treat.csv": (["--treatment", "treated", "--onset", "2010"], 58.85),
    "c12_covmiss.csv": (["--treatment", "D", "--covariates", "x"], '"x" is missing in 20 of 60 rows'),
    "c12_covmiss2.csv": (["--treatment", "D", "--covariates", "x"], '"x" is missing in 40 of 60 rows'),
    "c13_staggered.csv": (["--outcome", "y", "--unit", "c", "--treatment", "D"], 0.494),
}


@pytest.fixture
def call(monkeypatch, capsys):
    """The command ``estimate`` up to its least-squares estimate: (status, values, stderr)."""

    def answer(request):
        asked = question(request)
        card = module._card(request, n_treated=2)
        analysis = Analysis(asked.panel, asked.assignment, card)
        try:
            estimate = fit_twfe(analysis.design).estimate
        except module.InputError as error:
            raise module.InputError(f"{error}{module.blame(asked.notes)}") from error
        values = {"bayes": {}, "twfe": estimate, "left_out": dict(asked.left_out), "warnings": list(asked.notes)}
        return {**values, "trustworthy": True, "treated": list(asked.assignment.treated_units)}

    monkeypatch.setattr(module, "estimate", answer)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["bri-bayes", "estimate", *map(str, arguments), "--json"])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return stopped.value.code, json.loads(captured.out) if captured.out else {}, captured.err

    return run


def check(answer, right):
    status, values, err = answer
    if isinstance(right, str):
        assert (status, values) == (2, {})
        assert right in err
        assert len(err.splitlines()) == 1
    else:
        assert (status, err) == (0, "")
        assert values["twfe"] == pytest.approx(right, rel=1e-7)


def rows() -> dict[str, str]:
    """Key -> right value, of the table in the documentation."""
    lines = re.findall(r"^\| ([^|`]+?) \| [^|]+ \| ([^|]+?) \| [^|]+ \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    return {key: right for key, right in lines if key not in ("input", "---")}


@pytest.mark.parametrize("key", FORMS)
def test_an_input_as_people_have_it_gives_the_right_value(call, tmp_path, key):
    form = FORMS[key]
    path = tmp_path / form.name
    path.write_bytes(form.content if isinstance(form.content, bytes) else form.content.encode())
    check(call(path, *COLUMNS, *form.options), form.right)


def test_the_documentation_has_these_inputs_and_their_right_values():
    documented = rows()
    assert set(documented) == set(FORMS)
    assert len(documented) >= 40
    for key, form in FORMS.items():
        right = f'"{form.right}"' if isinstance(form.right, str) else f"{form.right:.5g}"
        assert documented[key].replace("refused: ", "") == right, key


@pytest.mark.real
@pytest.mark.parametrize("name", CASES)
def test_a_small_input_of_a_report_gives_its_right_answer(call, shared, name):
    options, right = CASES[name]
    status, values, err = call(shared / "cases" / name, *COLUMNS, *options)
    if isinstance(right, str):
        check((status, values, err), right)
    else:
        assert (status, err) == (0, "")
        # The right answers are printed with three or four digits.
        assert values["twfe"] == pytest.approx(right, rel=5e-3)


@pytest.mark.real
def test_units_without_a_before_are_named_and_out(call, shared):
    options, _ = CASES["c09_always_treated.csv"]
    _, values, _ = call(shared / "cases" / "c09_always_treated.csv", *COLUMNS, *options)
    assert set(values["left_out"]) == {"A1", "A2", "L1", "L2"}
    assert values["treated"] == ["T1", "T2", "T3", "T4"]
    assert "Left out, treated from the first period (2008) on: A1, A2." in values["warnings"]


def asked(tmp_path, frame, **options):
    path = tmp_path / "panel.csv"
    path.write_text(csv(frame), encoding="utf-8")
    return question(Request(path, "sales", "region", "year", **options))


def test_a_unit_without_a_row_after_its_onset_is_named_and_out(tmp_path):
    frame = sales()
    gone = frame[~((frame["region"] == "R2") & (frame["year"] >= ONSET))]
    printed = asked(tmp_path, gone, treated=("R1", "R2"), onset="2010")
    assert printed.left_out == {"R2": "treated and without a row from its onset on, so that it has no after"}
    assert printed.assignment.treated_units == ("R1",)


def test_where_all_are_treated_in_the_end_the_last_are_controls_until_their_onset(tmp_path):
    frame = sales().assign(
        first=lambda f: f["region"].map({"R1": 2008, "R2": 2008, "R3": 2012, "R4": 2012, "R5": 2012, "R6": 2010})
    )
    printed = asked(tmp_path, frame, onset_column="first")
    assert printed.assignment.first_treated == {"R1": 2008, "R2": 2008, "R3": None, "R4": None, "R5": None, "R6": 2010}
    assert printed.panel["period"].to_numpy().tolist() == list(range(2005, 2012))
    assert any("those treated last (from 2012 on: R3, R4, R5)" in note for note in printed.notes)
    assert any(note.startswith("Onsets differ (2008, 2010)") for note in printed.notes)


@pytest.mark.parametrize("never", [-1, 99, -9])
def test_a_number_that_is_no_year_in_a_column_of_onsets_is_asked_about(call, tmp_path, never):
    """Read as a year it lies long before the panel: each control would be left out as treated from the start."""
    first = sales()["region"].map(lambda unit: ONSET if unit in ("R1", "R2") else never)
    path = tmp_path / "panel.csv"
    path.write_text(csv(sales().assign(first=first)), encoding="utf-8")
    check(call(path, *COLUMNS, "--onset-column", "first"), f'has "{never}" for "R3"; it needs a period as this file')


def test_an_onset_in_a_year_before_the_panel_is_one(tmp_path):
    first = sales()["region"].map({"R1": ONSET, "R2": ONSET, "R3": 1998}).fillna(0).astype(int)
    assert list(asked(tmp_path, sales().assign(first=first), onset_column="first").left_out) == ["R3"]


def test_where_all_are_treated_at_once_no_period_would_do_and_it_says_so(call, tmp_path):
    path = tmp_path / "panel.csv"
    path.write_text(csv(sales().assign(first=2010)), encoding="utf-8")
    check(call(path, *COLUMNS, "--onset-column", "first"), "is treated from 2010 on, so that there are no controls")


ROLES = {
    "treatment as outcome": (["--treatment", "sales"], '--treatment "sales" is the outcome, too'),
    "treatment as covariate": (["--treatment", "D", "--covariates", "D"], '--treatment "D" is among the covariates'),
    "outcome as log covariate": (["--treatment", "D", "--covariates", "log(sales)"], "it cannot explain itself"),
    "two treatments": (["--treatment", "D", "--treated", "R1", "--onset", "2010"], "not both"),
    "controls of a column": (["--treatment", "D", "--controls", "R5"], "--controls needs --treated"),
    "period as covariate": (
        ["--treatment", "D", "--covariates", "year"],
        '--period "year" is the outcome or a covariate',
    ),
    "onset that is none": (["--treated", "R1", "--onset", "soon"], '--onset "soon" is no period as this file writes'),
    "no onset in the column": (["--onset-column", "year"], '"year" of R1 is "2005" and "2006"; a unit has one value'),
    "stated marks": (["--treatment", "D", "--decimal", ";"], '--decimal ";" is unknown'),
}


@pytest.mark.parametrize(("options", "sentence"), ROLES.values(), ids=ROLES.keys())
def test_one_column_in_two_roles_is_refused(call, tmp_path, options, sentence):
    path = tmp_path / "panel.csv"
    path.write_text(csv(sales()), encoding="utf-8")
    check(call(path, *COLUMNS, *options), sentence)


def test_groups_are_a_coordinate_of_the_units_that_are_compared(tmp_path):
    frame = sales().assign(area=lambda f: f["region"].map(dict(zip(f["region"].unique(), "AABBCC", strict=True))))
    printed = asked(tmp_path, frame, treatment="D", groups="area")
    assert printed.panel[GROUP].to_numpy().tolist() == list("AABBCC")
    with pytest.raises(module.InputError, match='group column "area" is empty for "R1"'):
        asked(
            tmp_path, frame.assign(area=frame["area"].where(frame["region"] != "R1", "")), treatment="D", groups="area"
        )
    with pytest.raises(module.InputError, match="has one group only"):
        asked(tmp_path, frame.assign(area="A"), treatment="D", groups="area")


def test_a_weight_is_positive_and_a_row_without_one_is_left_out(tmp_path):
    frame = sales().assign(people=lambda f: 1.0 + f.index % 5)
    weights = np.where(frame.index == 7, np.nan, frame["people"])
    printed = asked(tmp_path, frame.assign(people=weights), treatment="D", weights="people")
    assert printed.panel.attrs[WEIGHT] == "people"
    assert any('"people" is missing in 1 of 60 rows' in note for note in printed.notes)
    with pytest.raises(module.InputError, match='the weight "people" is 0 for "R1" 2006; a weight is positive'):
        asked(
            tmp_path, frame.assign(people=frame["people"].where(frame.index != 1, 0)), treatment="D", weights="people"
        )
    with pytest.raises(module.InputError, match='--weights "sales" is the outcome'):
        asked(tmp_path, frame, treatment="D", weights="sales")


def test_the_posterior_has_the_periods_as_the_file_writes_them(tmp_path):
    form = FORMS["quarters"]
    path = tmp_path / form.name
    path.write_text(form.content, encoding="utf-8")
    request = Request(path, "sales", "region", "year", treated=("R1", "R2"), onset=form.options[-1])
    values = estimate(request)
    assert values["panel"]["period_unit"] == "quarter"
    assert values["panel"]["periods"][0] == "2009Q3"
    assert set(values["bayes"]["by_unit_and_period"]["R1"]) == {"2010Q4", "2011Q1", "2011Q2", "2011Q3", "2011Q4"}
    assert values["bayes"]["att"]["mean"] == pytest.approx(effect(), rel=0.1)


estimate = module.estimate
