"""Inputs that once ended in a fault of the program or in a number without a word: now one sentence, or the answer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bri_bayes.app import study_size
from bri_bayes.app.section_answer import section_answer
from bri_bayes.checks.counterfactuals import factor_values
from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.file_formats import open_source
from bri_bayes.data.panel import load_panel
from bri_bayes.data.trade import read_trade
from bri_bayes.frequentist.logit import logit
from bri_bayes.frequentist.sparse_fixed_effects import SparseEffects
from bri_bayes.paper.audit import findings_and_questions


def test_a_header_between_two_years_is_no_year_and_no_name(tmp_path):
    (tmp_path / "wide.csv").write_text("unit,2003.0,2004.0,2006.5\nA,1,2,3\nB,2,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r'the header "2006\.5" is a number and no period as "2003\.0" is'):
        load_panel(tmp_path / "wide.csv", unit="unit", period="year", columns=["y"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_comes_through_a_pipe_can_be_looked_into_twice(tmp_path):
    pipe = tmp_path / "panel.csv"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"unit,year,y\nA,2003,1\n",))
    writer.start()
    first, second = (list(open_source(pipe, "unit").rows) for _ in range(2))
    writer.join()
    assert first == second
    assert len(first) == 2


def test_a_number_beyond_64_bits_in_trade_is_no_fault(tmp_path):
    path = tmp_path / "baci.csv"
    path.write_text("t,i,j,k,v,q\n2003,156,398,300490,1,2\n99999999999999999999,156,398,300490,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="is not a BACI file"):
        read_trade(path)


@pytest.mark.parametrize("size", [1e-301, 1e200])
def test_covariates_beyond_the_range_of_the_machine_are_refused(size):
    x = np.random.default_rng(1).normal(size=40) * size
    with pytest.raises(InputError, match=r'the covariate "x" has numbers of the size .* give it in other units'):
        logit(np.arange(40) % 2, {"x": x})


def test_a_product_with_one_market_leaves_nothing_to_solve_for():
    effects = SparseEffects(np.zeros(2, dtype=int), np.zeros(2, dtype=int))
    np.testing.assert_allclose(effects.residuals(np.array([0.1, 0.4])), [-0.15, 0.15])


def test_a_study_of_which_one_fit_takes_too_long_is_refused_before_it_starts(tmp_path, monkeypatch):
    rows = ["unit,year,y", *(f"{u},{t},{ord(u) * t % 7 + t}" for u in "ABCD" for t in range(2000, 2006))]
    (tmp_path / "panel.csv").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "study.toml").write_text(
        'title = "Too much"\nmodels = ["did"]\n[panel]\nkind = "user"\nfile = "panel.csv"\nunit = "unit"\n'
        'period = "year"\nperiods = [2000, 2005]\n[assignment]\ntreated = ["A"]\nonset = 2003\n'
        'controls = ["B", "C", "D"]\n[outcomes.y]\ncolumn = "y"\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(study_size, "MOST_SECONDS", 0.0)
    with pytest.raises(InputError, match=r'one fit of "y" with the card "did" on 4 units in 6 periods .* are allowed'):
        section_answer("pretrends", tmp_path / "study.toml", quick=True)


@pytest.mark.parametrize("printed", ["0", "0.0"])
def test_printed_standard_errors_of_zero_do_not_end_an_audit(tmp_path, printed):
    rows = []
    for number, error in ((1, printed), (2, "0.10")):
        rows += ["[[regression]]", f'name = "Table 1 ({number})"', 'outcome = "y"', 'absorbed = ["unit"]']
        rows += ['coefficients = { x = "1.20", z = "0.50", v = "2.00" }']
        rows += [f'standard_errors = {{ x = "{error}", z = "0.20", v = "{error}" }}', "stars = { x = 3, z = 1 }"]
    (tmp_path / "tables.toml").write_text("\n".join(rows) + "\n", encoding="utf-8")
    findings, passed, _ = findings_and_questions(tmp_path / "tables.toml")
    assert findings or passed


def test_fewer_donors_than_folds_leave_some_folds_empty():
    rng = np.random.default_rng(2)
    units = ["T", "A", "B", "C"]
    panel = xr.Dataset(
        {"y": (("unit", "period"), rng.normal(size=(4, 10)).cumsum(axis=1))},
        coords={"unit": units, "period": np.arange(2000, 2010)},
    )
    assignment = Assignment({"T": 2006, "A": None, "B": None, "C": None})
    values = factor_values(panel, assignment, "y", draws=10, placebo_draws=10, seed=0, ranks=(0, 1))
    assert values.donors == 3


def test_a_pipe_is_read_by_the_command(tmp_path):
    rows = ["unit,year,y", *(f"{u},{t},{ord(u) * t % 7 + t}" for u in "ABCD" for t in range(2000, 2004))]
    question = ["--outcome", "y", "--unit", "unit", "--period", "year", "--treated", "A,E", "--onset", "2002"]
    done = subprocess.run(
        [sys.executable, "-m", "bri_bayes.cli", "estimate", "/dev/stdin", *question, "--periods", "2000:2003"],
        input="\n".join(rows).encode(), capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )  # fmt: skip
    assert b'the treated unit "E" is not in the panel' in done.stderr or b'"E" is not' in done.stderr
