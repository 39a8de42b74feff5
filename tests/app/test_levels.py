"""``estimate --family poisson``: levels with zeros by PPML, their logarithms by everything else."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bri_bayes.app.estimate import _card
from bri_bayes.app.levels import logarithmic
from bri_bayes.app.request import Request
from bri_bayes.cli.main import app
from bri_bayes.core.errors import InputError

WHO = ["--unit", "unit", "--period", "year", "--treated", "A,B,C", "--onset", "2004"]


def frame(zeros=()):
    rng = np.random.default_rng(4)
    rows = [
        (unit, year, 0.0 if (unit, year) in zeros else float(np.exp(rng.normal(scale=0.3) + i)), 50.0 + i + year % 7)
        for i, unit in enumerate("ABCDEFG")
        for year in range(2000, 2008)
    ]
    return pd.DataFrame(rows, columns=["unit", "year", "exports", "total"])


def answer(tmp_path, table, outcome, *options):
    path = tmp_path / "panel.csv"
    table.to_csv(path, index=False)
    arguments = ["estimate", str(path), "--outcome", outcome, *WHO, "--model", "did", "--json", *options]
    result = CliRunner().invoke(app, arguments)
    return json.loads(result.stdout) if result.exit_code == 0 else str(result.exception or result.output)


def test_zeros_stand_in_ppml_and_are_counted_out_of_the_logarithm(tmp_path):
    values = answer(tmp_path, frame({("A", 2001), ("F", 2005)}), "exports", "--family", "poisson")
    assert values["outcome"] == "log(exports)"
    assert values["panel"]["rows"] == 54
    assert [row["inference"] for row in values["ppml"]] == ["cluster", "cluster_crv3", "permutation"]
    said = " ".join(values["warnings"])
    assert "which loses 2 of 56 rows; PPML has all, and so has --model did_negative_binomial" in said


@pytest.mark.parametrize(
    ("model", "family"),
    [("did_poisson", "poisson"), ("did_negative_binomial", "negative_binomial"), ("did_student_t", "student_t")],
)
def test_errors_with_noise_are_refused_by_cards_that_have_none(model, family):
    asked = Request(path=Path("panel.csv"), outcome="x", unit="u", period="t", model=model, errors="ar1_noise")
    with pytest.raises(InputError, match=f'ar1_noise needs the family "normal"; the card "{model}" has "{family}"'):
        _card(asked, 3)


def test_a_card_of_levels_takes_the_level_whatever_the_family():
    asked = Request(path=Path("panel.csv"), outcome="exports", unit="unit", period="year", model="did_poisson")
    with_family = dataclasses.replace(asked, family="poisson")
    assert logarithmic(with_family) == logarithmic(asked) == asked
    other = dataclasses.replace(with_family, model="did")
    assert logarithmic(other).outcome == "log(exports)"


def test_without_zeros_the_level_and_its_logarithm_have_the_same_rows(tmp_path):
    level = answer(tmp_path, frame(), "exports", "--family", "poisson")
    logarithm = answer(tmp_path, frame(), "log(exports)")
    assert level["bayes"]["att"] == logarithm["bayes"]["att"]
    for row, same in zip(level["ppml"], logarithm["ppml"], strict=True):
        assert row["estimate"] == pytest.approx(same["estimate"], abs=1e-9)
        assert row["p_value"] == pytest.approx(same["p_value"], abs=1e-9)


def test_a_level_without_the_family_has_no_ppml(tmp_path):
    assert answer(tmp_path, frame(), "exports")["ppml"] == []


@pytest.mark.parametrize(
    ("outcome", "options", "sentence"),
    [
        ("exports", ["--family", "gamma"], '--family "gamma" is unknown'),
        ("log1p(exports)", ["--family", "poisson"], "not log1p of it"),
        ("exports", ["--family", "poisson", "--weights", "total"], "--weights are not built"),
    ],
)
def test_what_the_family_does_not_do_is_refused_in_a_sentence(tmp_path, outcome, options, sentence):
    assert sentence in answer(tmp_path, frame(), outcome, *options)


def test_a_shock_to_flow_and_total_leaves_the_relative_effect_as_it_is(tmp_path):
    table = frame()
    boom = np.where(table["unit"].isin(["A", "B", "C"]) & (table["year"] >= 2004), 3.0, 1.0)
    shocked = table.assign(exports=table["exports"] * boom, total=table["total"] * boom)
    absolute = [answer(tmp_path, panel, "log(exports)")["frequentist"][0]["estimate"] for panel in (table, shocked)]
    assert absolute[1] - absolute[0] == pytest.approx(np.log(3))
    relative = [answer(tmp_path, panel, "log(exports/total)") for panel in (table, shocked)]
    for rows in ("frequentist", "ppml"):
        for before, after in zip(*(values[rows] for values in relative), strict=True):
            assert after["estimate"] == pytest.approx(before["estimate"], abs=1e-9)
    means = [values["bayes"]["att"]["mean"] for values in relative]
    assert means[1] == pytest.approx(means[0], abs=1e-9)


def test_a_column_whose_name_has_a_stroke_is_that_column(tmp_path):
    table = frame().assign(**{"exports/total": lambda panel: panel["exports"] ** 2})
    named = answer(tmp_path, table, "log(exports/total)")["frequentist"][0]["estimate"]
    assert named == pytest.approx(2 * answer(tmp_path, table, "log(exports)")["frequentist"][0]["estimate"])


def test_zeros_of_a_relative_outcome_stand_in_ppml(tmp_path):
    values = answer(tmp_path, frame({("A", 2001)}), "exports/total", "--family", "poisson")
    assert values["outcome"] == "log(exports/total)"
    assert "which loses 1 of 56 rows" in " ".join(values["warnings"])


def test_treated_units_that_are_zero_from_the_onset_on_are_refused_with_the_reason(tmp_path):
    zeros = {(unit, year) for unit in "ABC" for year in range(2004, 2008)}
    said = answer(tmp_path, frame(zeros), "exports", "--family", "poisson")
    assert "a level of zero is no row of its logarithm" in said
    assert "the effect is infinite for PPML, too" in said
