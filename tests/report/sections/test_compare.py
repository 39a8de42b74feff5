"""The section and command that compare models: what they print, on which rows, and what a quick run leaves out."""

import dataclasses
import json

import numpy as np
import pytest

from bri_bayes.app.section_answer import SectionAnswer, section_answer
from bri_bayes.app.study_outline import study_card
from bri_bayes.checks.model_scores import differences, model_scores
from bri_bayes.checks.model_table import model_table
from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis
from bri_bayes.presentation.page_parts import Paragraph, Picture, Shown
from bri_bayes.report.sections.compare import SECTION, _cards, failures
from bri_bayes.report.sections.section import Context, collected
from bri_bayes.runtime.steps import Finished
from bri_bayes.study.model_card import Effects, ModelCard, load_card
from bri_bayes.study.section_settings import CompareTable
from bri_bayes.study.study_file import load_study

from ...inference.panels import make_card, make_panel

STUDY = """
title = "Two outcomes of one panel"
models = ["did"]

[panel]
kind = "user"
file = "panel.csv"

[assignment]
treated = ["AAA", "BBB"]
controls = ["CCC", "DDD", "EEE"]
onset = 2006

[outcomes.y]
column = "y"

[compare]
models = ["did_common", "did_iid", "did_student_t"]
"""
ATT = {"mean", "sd", "lower", "upper", "p_positive"}


@pytest.fixture
def study(tmp_path, rng):
    rows = ["unit,period,y"]
    for unit in ("AAA", "BBB", "CCC", "DDD", "EEE"):
        path = np.cumsum(rng.normal(0, 0.3, 10))
        rows += [f"{unit},{2000 + t},{value:.6f}" for t, value in enumerate(path)]
    (tmp_path / "panel.csv").write_text("\n".join(rows))
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path / "study.toml"


def test_a_quick_comparison_has_scores_weights_and_effects_and_says_what_it_left_out(study):
    values = section_answer("compare", study, quick=True).values
    outcome = values["outcomes"]["y"]
    assert [row["name"] for row in outcome["models"]] == ["did_common", "did_iid"]
    for row in outcome["models"]:
        assert set(row["att"]) == ATT
        assert row["verdict"] == "exact"
        assert {"name", "elpd_loo", "se", "khat_max", "weight"} <= set(row)
        assert row["loco"]["elpd"] is None
        assert "quick" in row["loco"]["reason"]
    best, other = outcome["models"]
    assert best["elpd_diff"] == 0
    assert other["elpd_diff"] == pytest.approx(other["elpd_loo"] - best["elpd_loo"])
    assert sum(row["weight"] for row in outcome["models"]) == pytest.approx(1)
    assert set(outcome["stacked"]["att"]) == ATT
    assert outcome["skipped"] == [{"name": "did_student_t", "reason": "it is sampled, and this is a quick run"}]
    json.dumps(values, allow_nan=False)
    assert "one effect" in SectionAnswer("compare", values, load_study(study)).text()


def test_a_card_that_nuts_samples_has_one_step_for_all_outcomes(study, monkeypatch):
    monkeypatch.setattr("bri_bayes.report.sections.compare.covers_mixture", lambda design, card: False)
    text = study.read_text().replace("[compare]", '[outcomes.z]\ncolumn = "z"\n\n[compare]')
    panel = study.with_name("panel.csv")
    header, *rows = panel.read_text().splitlines()
    panel.write_text("\n".join([f"{header},z", *(f"{row},{i % 7}.5" for i, row in enumerate(rows))]))
    study.write_text(text)
    loaded = load_study(study)
    context = Context(loaded, loaded.load(), {"did": load_card("did")}, seed=0)
    steps = {step.parts: step for step in SECTION.steps(context)}
    names = ("did_common", "did_iid")
    assert set(steps) == {(outcome, name) for outcome in ("y", "z") for name in names} | {("did_student_t",)}
    scores = model_scores(Analysis(*make_panel(), make_card()), 0, quick=True)
    results = {parts: {"y": scores, "z": scores} if len(parts) == 1 else scores for parts in steps}
    outcomes = SECTION.collect(context, results).outcomes
    assert {row.name for row in outcomes["z"].models} == {*names, "did_student_t"}


def test_a_reader_sees_which_card_is_shown_first_and_which_the_checks_refit(study):
    study.write_text(study.read_text().replace('["did_common", "did_iid", "did_student_t"]', '["did", "did_shared"]'))
    values = section_answer("compare", study, quick=True).values
    outcome = values["outcomes"]["y"]
    assert outcome["roles"] == {"did_shared": "shown first", "did": "of the checks"}
    labels = set(SECTION.tables[0].frame({**values, "compare": values})["label"])
    assert labels == {
        "DID, shared shocks (shown first)",
        "DID, units independent (of the checks)",
    }


def test_the_page_shows_picture_and_tables_and_nothing_without_values(study):
    values = section_answer("compare", study, quick=True).values
    parts = SECTION.parts({**values, "compare": values})
    assert any(isinstance(part, Picture) and part.figure == "model_scores" for part in parts)
    tables = [part for part in parts if isinstance(part, Shown)]
    assert [part.folded is None for part in tables] == [True, False]
    assert any("did_student_t is left out" in note for note in tables[0].table.notes)
    assert isinstance(parts[0], Paragraph)
    assert SECTION.parts({"panel": values["panel"]}) == []


def test_a_full_score_leaves_out_units_and_periods_and_checks_psis():
    panel, assignment = make_panel(holes=False)
    analysis = Analysis(panel, assignment, make_card(effects=Effects(treatment="common")))
    table = model_table({"iid": model_scores(analysis, 0)}, {"iid": "iid errors"})
    (row,) = table.models
    assert list(row.loco.by) == [f"U{i}" for i in range(6)]
    assert list(row.lfo.by) == ["2006", "2007", "2008", "2009"]
    assert row.lfo.elpd == pytest.approx(sum(score.elpd for score in row.lfo.by.values()))
    assert row.psis.error == pytest.approx(row.psis.elpd - row.elpd_loo)
    assert abs(row.psis.error) < 1.0  # a few times the Monte Carlo error of PSIS with two thousand draws
    assert row.weight == 1.0
    # The mixture is of draws, the row is exact: four Monte Carlo errors of two thousand draws.
    assert table.stacked.att.mean == pytest.approx(row.att.mean, abs=0.09 * row.att.sd)


def test_an_unreliable_score_is_shown_without_weight_and_is_no_reference():
    panel, assignment = make_panel(holes=False)
    good = model_scores(Analysis(panel, assignment, make_card()), 0, quick=True)
    better = [value + 1.0 for value in good.psis.elpd]  # but not to be believed
    psis = dataclasses.replace(good.psis, elpd=better, khat=[1.4, *good.psis.khat[1:]])
    bad = dataclasses.replace(good, loo=None, psis=psis)
    table = model_table({"good": good, "bad": bad}, {"good": "good", "bad": "bad"})
    assert [row.name for row in table.models] == ["bad", "good"]
    assert table.best == "good"
    assert table.models[0].weight is None
    assert table.models[0].verdict == "unreliable"
    assert table.models[1].weight == 1.0


def test_a_gate_names_what_failed_the_score_or_the_fit():
    panel, assignment = make_panel(holes=False)
    good = model_scores(Analysis(panel, assignment, make_card()), 0, quick=True)
    unmixed = dataclasses.replace(good, trustworthy=False, engine="nuts", rhat=1.0123)
    psis = dataclasses.replace(good.psis, khat=[1.4, *good.psis.khat[1:]])
    scored = {"good": good, "unmixed": unmixed, "bad": dataclasses.replace(good, loo=None, psis=psis)}
    assert failures("y", model_table(scored, dict.fromkeys(scored, "")), scored) == [
        "y/bad: its leave-one-out score is unreliable (k-hat 1.40)",
        "y/unmixed: R-hat is 1.012 (below 1.01 passes)",
    ]


def test_models_on_different_rows_are_refused_before_anything_is_fitted(study):
    (study.parent / "covariate.toml").write_text('extends = "did"\ntitle = "x"\ncovariates = ["x"]\n')
    text = study.read_text().replace('"did_student_t"]', '"covariate.toml"]') + '\n[covariates.x]\ncolumn = "x"\n'
    study.write_text(text)
    csv = study.parent / "panel.csv"
    lines = csv.read_text().splitlines()
    cells = [f"{line},{i % 7}.5" if i != 3 else f"{line}," for i, line in enumerate(lines[1:])]
    csv.write_text("\n".join([lines[0] + ",x", *cells]))
    with pytest.raises(InputError, match=r'see different rows of "y" \(50 and 49\)'):
        section_answer("compare", study, quick=True)


def test_a_comparison_needs_two_models(study):
    study.write_text(study.read_text().replace('["did_common", "did_iid", "did_student_t"]', '["did"]'))
    with pytest.raises(InputError, match="at least two models"):
        load_study(study)


def test_the_default_cards_exist_and_are_told_apart_by_what_they_change():
    cards = [load_card(name) for name in CompareTable().models]
    labels = [differences(card, cards[0]) for card in cards]
    assert labels[0] == "units independent, AR(1) errors"
    assert len(set(labels)) == len(labels)
    assert "random-walk errors, error scale by unit" in labels
    assert "shared shocks, AR(1) errors plus noise" in labels
    other = dataclasses.replace(cards[0], name="priors")
    assert differences(other, cards[0]) == "priors"


def test_an_outcome_that_one_card_alone_can_have_is_left_out(study):
    loaded = load_study(study)
    context = Context(loaded, loaded.load(), {"did": ModelCard(name="did", title="")}, quick=True)
    assert collected(context, [SECTION], Finished({}, {}))["compare"]["outcomes"] == {}


def test_a_brief_run_compares_the_cards_of_the_study_alone() -> None:
    study = load_study(None)
    cards = {name: study_card(name, None, quick=True) for name in study.models}
    whole = Context(study, study.load(), cards, quick=True)
    brief = set(_cards(dataclasses.replace(whole, brief=True), "lnexport"))
    assert brief < set(_cards(whole, "lnexport"))
    assert brief <= {whole.shown.name, *cards}
    assert len(brief) > 1
