"""Claims about what ``estimate`` says beside its numbers, and how it prints them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import bri_bayes as bb
from bri_bayes.app.estimate import Request, _sign_notes, estimate
from bri_bayes.app.request import question
from bri_bayes.checks.posterior_predictive import QUESTIONS
from bri_bayes.design.design import build_design
from bri_bayes.design.outliers import outliers
from bri_bayes.estimands import why_different
from bri_bayes.presentation.estimate_text import NO_PERCENTAGES, estimate_text
from bri_bayes.study.model_card import load_card

from .input_forms import csv, effect, forms, sales


def answer(tmp_path, frame, **options):
    path = tmp_path / "panel.csv"
    path.write_text(csv(frame), encoding="utf-8")
    return estimate(Request(path, "sales", "region", "year", **({"treatment": "D"} | options)))


def normals(seed: int, n_units: int = 9) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    cells = [(f"U{i}", year) for i in range(n_units) for year in range(2000, 2015)]
    frame = pd.DataFrame(cells, columns=["region", "year"])
    return frame.assign(sales=rng.normal(size=len(cells)), D=(frame["region"] < "U3") & (frame["year"] >= 2008))


def test_one_cell_of_a_million_among_standard_normals_is_named(tmp_path):
    frame = normals(1)
    frame.loc[20, "sales"] = 1e6
    notes = answer(tmp_path, frame)["warnings"]
    assert any(note.startswith("The cell U1 2005 (1e+06) alone makes 100% of the variation") for note in notes)


@pytest.mark.parametrize("seed", range(20))
def test_no_cell_of_normals_or_of_units_of_any_size_is_named(tmp_path, seed):
    frame = normals(seed)
    size = frame["region"].map({f"U{i}": 10.0**i for i in range(9)})
    card = dataclasses.replace(load_card("did"), outcome="sales")
    for shown in (frame, frame.assign(sales=frame["sales"] * 3 + size)):
        path = tmp_path / "panel.csv"
        path.write_text(csv(shown), encoding="utf-8")
        asked = question(Request(path, "sales", "region", "year", treatment="D"))
        design = build_design(asked.panel, asked.assignment, card)
        assert outliers(design) == ()


def test_two_by_two_says_that_its_width_is_the_prior_and_why_least_squares_has_none(tmp_path):
    frame = sales()
    cells = frame[frame["region"].isin(["R1", "R3"]) & frame["year"].isin([2009, 2010])]
    values = answer(tmp_path, cells)
    assert any("the posterior's width is that of the prior" in note for note in values["warnings"])
    assert "nothing is left to estimate a variance from" in estimate_text(values).replace("\n", " ")


def test_a_constant_of_1e12_is_added_and_hardly_a_digit_moves(tmp_path):
    frame = sales()
    moved = answer(tmp_path, frame.assign(sales=frame["sales"] + 1e12))["bayes"]["att"]
    still = answer(tmp_path, frame)["bayes"]["att"]
    assert moved["mean"] == pytest.approx(still["mean"], rel=1e-4)
    assert moved["sd"] == pytest.approx(still["sd"], rel=1e-2)


@pytest.mark.parametrize(("factor", "power"), [(1e-9, "10⁻⁹"), (1e9, "10⁹")])
def test_tiny_and_huge_effects_are_printed_with_their_digits_and_one_exponent(tmp_path, factor, power):
    frame = sales()
    text = estimate_text(answer(tmp_path, frame.assign(sales=frame["sales"] * factor)))
    assert f"{effect():.2f}" in text
    assert f"in {power}." in text
    assert 'Effects are in the units of "sales".' in text.replace("\n", " ")


def test_rows_of_different_signs_get_the_assumption_that_separates_them():
    card = load_card("did")
    rows = [{"estimator": "twfe", "estimate": 0.2}, {"estimator": "collapsed", "estimate": 0.1}]
    (note,) = _sign_notes(rows, {"mean": -0.05}, card, n_onsets=1)
    assert note.startswith(
        "The sign hangs on an assumption: TWFE and before and after above zero, the posterior below."
    )
    assert "errors (ar1) persist" in note
    assert "--errors iid" in note
    assert _sign_notes(rows, {"mean": 0.05}, card, n_onsets=1) == []
    assert "onsets differ" in _sign_notes(rows, {"mean": -0.05}, card, n_onsets=2)[0]


def test_where_onsets_differ_and_imputation_stands_with_twfe_their_weights_are_not_blamed():
    """Imputation averages over the cells that the posterior averages over, so that weights do not separate the two."""
    rows = [{"estimator": "twfe", "estimate": 0.2}, {"estimator": "imputation", "estimate": 0.1}]
    (note,) = _sign_notes(rows, {"mean": -0.05}, load_card("did"), n_onsets=3)
    assert "onsets differ" not in note
    assert "errors (ar1) persist" in note
    rows[1]["estimate"] = -0.1
    assert "onsets differ" in _sign_notes(rows, {"mean": -0.05}, load_card("did"), n_onsets=3)[0]


def test_event_times_are_named_by_what_they_count(tmp_path):
    form = forms()["months as YYYYMM"]
    path = tmp_path / "panel.csv"
    path.write_text(form.content, encoding="utf-8")
    values = estimate(Request(path, "sales", "region", "year", treatment="D"))
    assert "The effect by months since the onset" in estimate_text(values)
    assert values["panel"]["periods"] == [f"2009{m:02d}" for m in range(9, 13)] + [f"2010{m:02d}" for m in range(1, 7)]


def test_the_first_answer_says_whether_its_model_makes_such_panels(tmp_path):
    calm = normals(2)
    values = answer(tmp_path, calm, model="did")
    text = " ".join(estimate_text(values).split())
    assert {row["statistic"] for row in values["bayes"]["predictive_checks"]} == set(QUESTIONS)
    assert "Panels that this model makes are like this one in all 6 predictive checks." in text
    restless = calm.assign(sales=calm["sales"] * np.where(calm["region"] == "U8", 12.0, 1.0))
    text = " ".join(estimate_text(answer(tmp_path, restless, model="did")).split())
    assert "This panel is unlike those that the model makes in: largest against smallest spread (p 0.002)" in text
    assert "a p below 0.025 or above 0.975 says so" in text
    assert "--model did_scale_by_unit gives each unit an error scale" in text


@pytest.mark.parametrize(
    ("n_units", "options", "why"),
    [
        (9, {}, None),
        (41, {}, "615 rows are more than the 600 for which it is done at once"),
        (9, {"weights": "people"}, "rows have weights"),
    ],
)
def test_where_nobody_has_looked_whether_the_model_makes_such_panels_is_said(tmp_path, n_units, options, why):
    values = answer(tmp_path, normals(2, n_units).assign(people=2.0), model="did", **options)
    notes = [note for note in values["warnings"] if note.startswith("Whether the model makes panels like this one")]
    assert bool(values["bayes"]["predictive_checks"]) == (why is None)
    assert len(notes) == (why is not None)
    assert all(why in note for note in notes)


def test_a_posterior_far_from_least_squares_says_which_assumption_makes_the_difference(tmp_path):
    frame = normals(2)
    drift = (frame["year"] - 2000) * (frame["region"] < "U3")
    rng = np.random.default_rng(3)
    walk = pd.Series(0.1 * rng.normal(size=len(frame))).groupby(frame["region"]).cumsum()
    apart_from_drift = frame.assign(sales=walk + 0.2 * drift)
    notes = answer(tmp_path, apart_from_drift)["warnings"]
    assert any("Most of the difference comes from errors that last." in note for note in notes)
    near = answer(tmp_path, frame)["warnings"]
    assert not any("Most of the difference" in note for note in near)


def staggered_after_a_jump(n_units: int = 60) -> pd.DataFrame:
    """Nothing happens at onsets of 2016 to 2018; treated units rose three years before and come back at the end."""
    rng = np.random.default_rng(5)
    rows = []
    for i in range(n_units):
        onset = 2016 + i % 3 if i < 2 * n_units // 3 else None
        persistent = 0.0
        for year in range(2000, 2024):
            persistent = 0.9 * persistent + 0.05 * rng.normal()
            raised = onset is not None and onset - 3 <= year <= onset + 1
            rows.append((f"U{i:02d}", year, persistent + 0.1 * rng.normal() + 0.3 * raised, onset))
    frame = pd.DataFrame(rows, columns=["region", "year", "sales", "first"])
    return frame.assign(D=(frame["year"] >= frame["first"]).astype(int)).drop(columns="first")


def test_an_effect_that_hangs_on_the_baseline_is_said_with_both_baselines(tmp_path):
    values = answer(tmp_path, staggered_after_a_jump())
    rows = {row["estimator"]: row["estimate"] for row in values["frequentist"]}
    notes = [note for note in values["warnings"] if note.startswith("The baseline matters: imputation gives")]
    assert len(notes) == 1
    assert f"{rows['imputation']:+.3f}"[:5].replace("-", "−") in notes[0]
    assert not any("each weighs units and periods in its own way" in note for note in values["warnings"])
    asked = {"unit": "region", "period": "year", "treatment": "D"}
    assert notes[0] in bb.did(staggered_after_a_jump(), "sales ~ 1", **asked).effect_summary()
    assert "The baseline matters" not in bb.did(normals(2), "sales ~ 1", **asked).effect_summary()
    calm = answer(tmp_path, normals(2))
    assert not any("The baseline matters" in note for note in calm["warnings"])


def test_answers_that_stand_beside_are_not_computed_again_for_the_sentence(tmp_path, monkeypatch):
    """Of the steps from least squares to the first card, independent errors alone are no answer of the table."""
    asked = []
    whole = why_different.average_effect
    monkeypatch.setattr(why_different, "average_effect", lambda *given: asked.append(given[1]) or whole(*given))
    values = answer(tmp_path, staggered_after_a_jump(24))
    assert any("One assumption added after the other" in note for note in values["warnings"])
    assert [card.errors.structure for card in asked] == ["iid"]


def test_a_logarithm_of_one_plus_a_level_with_zeros_gives_no_percentages(tmp_path):
    """In thousands in place of units the same file gives another effect, which no percentage may do."""
    path = tmp_path / "zeros.csv"
    asked = Request(path, "log1p(sales)", "region", "year", treatment="D")
    path.write_text(csv(sales().assign(sales=lambda f: f["sales"] * (f.index % 7 > 0))), encoding="utf-8")
    text = " ".join(estimate_text(estimate(asked)).split())
    assert f"Effects are in the units of log1p(sales). {NO_PERCENTAGES}" in text
    assert "% to" not in text.split("User's own panel")[0]
    prose = bb.did(path, "log1p(sales) ~ 1", unit="region", period="year", treatment="D").effect_summary()
    assert NO_PERCENTAGES in prose
    assert "in percent of the outcome's level" not in prose
    path.write_text(csv(sales()), encoding="utf-8")
    text = " ".join(estimate_text(estimate(asked)).split())
    assert "Effects are log points: 0.01 is about 1%." in text
