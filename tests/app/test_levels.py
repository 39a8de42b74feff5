"""``estimate --family poisson``: levels with zeros by PPML, their logarithms by everything else."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bri_bayes.cli.main import app

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
    assert "A posterior of the Poisson family is not built" in said
    assert "which loses 2 of 56 rows; PPML has all" in said


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
