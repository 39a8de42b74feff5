"""``did`` in a notebook: the answers of the command line, and what PyMC, ArviZ and pandas users do with them."""

import inspect
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import arviz_stats
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

import bri_bayes as bb
from bri_bayes.app.estimate import estimate
from bri_bayes.app.notebook import study_folder
from bri_bayes.app.notebook.formula import sides
from bri_bayes.app.notebook.study_folder import _card, _levels, _study, _study_names
from bri_bayes.app.request import Request
from bri_bayes.app.section_answer import section_answer
from bri_bayes.core.errors import InputError
from bri_bayes.core.toml_text import toml_text
from bri_bayes.estimands.first_answer import shown_first
from bri_bayes.study.study_file import load_study

TREATED = ("A", "B", "C")
ROUNDING = 1e-12
SMALL = {"sampler": {"draws": 100, "proposals": 400}}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = []
    for unit in "ABCDEFG":
        level, errors = rng.normal(), rng.normal(scale=0.2, size=10)
        for at, year in enumerate(range(2005, 2015)):
            y = level + 0.1 * at + errors[at] + 0.8 * (unit in TREATED and year >= 2010)
            rows.append({"country": unit, "year": year, "trade": np.exp(y), "gdp": rng.normal()})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def result(frame):
    return ask(frame)


def ask(frame, **options):
    card = options.pop("card", bb.card("did", **SMALL))
    asked = {"unit": "country", "period": "year", "treated": TREATED, "onset": 2010, "card": card} | options
    return bb.did(frame, asked.pop("formula", "log(trade) ~ 1"), **asked)


def test_a_data_frame_gets_the_answer_of_the_same_csv_on_the_command_line(frame, tmp_path):
    path = tmp_path / "panel.csv"
    frame.to_csv(path, index=False)
    request = Request(path, "log(trade)", "country", "year", treated=TREATED, onset="2010", covariates=("gdp",))
    printed = estimate(request)
    result = bb.did(frame, "log(trade) ~ gdp", unit="country", period="year", treated=TREATED, onset=2010)
    # One average alone, and the same among others of one pass: sums of the same numbers by other blocks.
    assert result.effect.as_dict() == pytest.approx(printed["bayes"]["att"], rel=ROUNDING)
    assert [row.as_dict() for row in result.estimates] == printed["frequentist"]
    assert {name: effect.as_dict() for name, effect in result.alternatives.items()} == {
        row["card"]: row["att"] for row in printed["alternatives"]
    }


def test_keywords_a_wide_frame_and_an_index_ask_the_same_as_a_formula(frame, result):
    keywords = ask(frame, formula=None, outcome="log(trade)")
    wide = ask(frame.pivot(index="country", columns="year", values="trade").reset_index())
    indexed = ask(frame.set_index(["country", "year"]))
    for other in (keywords, wide, indexed):
        assert other.effect.mean == pytest.approx(result.effect.mean, rel=1e-12)


def test_groups_of_a_mapping_are_those_of_a_column(frame):
    groups = dict(zip("ABCDEFG", "xxyzzzw", strict=True))
    shared = bb.card("did_shared", **SMALL)
    mapped = ask(frame, groups=groups, card=shared)
    column = ask(frame.assign(region=frame["country"].map(groups)), groups="region", card=shared)
    assert mapped.effect == column.effect
    with pytest.raises(InputError, match='groups says nothing of "G"'):
        ask(frame, groups=dict.fromkeys("ABCDEF", "x"))


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("trade", "has no outcome"),
        ("trade ~ gdp * x", 'has the term "gdp \\* x"'),
        ("trade ~ __import__('os').getcwd()", "has the term"),
    ],
)
def test_a_formula_is_columns_and_logs_joined_by_plus(frame, formula, message):
    with pytest.raises(InputError, match=message):
        ask(frame, formula=formula)


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("log(`my + trade`) ~ `gdp, % of ~`", ("log(my + trade)", ("gdp, % of ~",))),
        ("`a/b` ~ x + log1p( `c (d)` )", ("a/b", ("x", "log1p( c (d) )"))),
        ("`quoted0quoted` ~ 1", ("quoted0quoted", ())),
    ],
)
def test_a_name_between_backticks_is_a_column_whatever_signs_it_has(formula, names):
    assert sides(formula) == names


def test_backticks_that_say_nothing_are_refused():
    for formula, match in {
        "`y ~ x": "without a second one",
        "`` ~ x": "nothing between",
        "`log(y)` ~ 1": "another name",
    }.items():
        with pytest.raises(InputError, match=match):
            sides(formula)


def test_a_formula_with_backticks_gives_the_answer_of_the_plain_names(frame):
    renamed = frame.rename(columns={"trade": "my trade (US$)", "gdp": "g + d"})
    plain = ask(frame, formula="log(trade) ~ gdp")
    assert ask(renamed, formula="log(`my trade (US$)`) ~ `g + d`").effect.mean == pytest.approx(
        plain.effect.mean, rel=1e-9
    )


def test_leads_of_the_event_study_are_against_the_average_of_the_years_before(result):
    path = result.with_card(bb.card("event_study", **SMALL)).to_frame("event_time")
    before = path.loc[path.index < 0, "mean"]
    assert before.mean() == pytest.approx(0, abs=1e-9)
    assert before.loc[-1] != 0


def test_a_check_is_short_at_a_prompt_and_a_table_in_a_notebook(result):
    check = result.check("placebo")
    assert len(repr(check)) < 600
    assert f"placebos=<{len(check.placebos)} of Placebo>" in repr(check)
    assert f"{check.observed.mean:.4g}" in repr(check)
    page = check._repr_html_()
    assert page.count("<tr>") > len(check.placebos)
    assert f"<td>{check.observed.mean:.3g} [" in page
    assert "A,B,C" in page
    # A result without lists reads as Python writes it.
    assert repr(check.observed).startswith(f"Effect(mean={check.observed.mean!r}, sd=")


def test_windows_and_cohorts_are_averages_of_cells(frame, result):
    cells = result.to_frame("cell")
    late = result.att(2012, 2013)
    chosen = cells.loc[cells.index.get_level_values("period").isin(["2012", "2013"])]
    assert late.mean == pytest.approx(chosen["mean"].mean(), abs=1e-9)
    assert result.att() == result.effect
    onset = frame.assign(first=frame["country"].map({"A": 2010, "B": 2010, "C": 2012}).fillna(0))
    staggered = ask(onset, treated=(), onset=None, onset_column="first")
    cohorts = staggered.to_frame("cohort")
    assert set(cohorts.index.get_level_values("cohort")) == {"2010", "2012"}
    of_cohort = staggered.to_frame("cell").loc["C"]
    assert cohorts.loc["2012"]["mean"].to_numpy() == pytest.approx(of_cohort["mean"].to_numpy(), abs=1e-9)
    with pytest.raises(InputError, match='there is no period "1990"'):
        result.att(1990)


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_arviz_takes_the_tree_as_it_is(result, tmp_path):
    tree = result.idata
    groups = {"posterior", "prior", "prior_predictive", "posterior_predictive", "log_prior", "log_likelihood"}
    assert groups <= set(tree.children)
    summary = arviz_stats.summary(tree, var_names=["att", "sigma"])
    assert float(summary.loc["att", "mean"]) == pytest.approx(result.effect.mean, abs=0.1)
    assert np.isfinite(arviz_stats.loo(tree).elpd)
    assert "att" in arviz_stats.psense_summary(tree, var_names=["att"], prior_var_names=["effect"]).index
    tree.to_netcdf(tmp_path / "tree.nc", engine="h5netcdf")
    back = xr.open_datatree(tmp_path / "tree.nc", engine="h5netcdf")
    assert np.array_equal(back["posterior"]["att"].to_numpy(), tree["posterior"]["att"].to_numpy())


def test_cards_are_compared_by_arviz_on_the_same_rows(frame, result):
    table = result.compare(bb.card("did", errors="iid", name="independent", **SMALL))
    assert set(table.index) == {"did", "independent"}
    shorter = ask(frame, periods=(2006, 2014))
    with pytest.raises(InputError, match="has other rows"):
        result.compare(shorter)


def test_the_pymc_model_has_the_density_of_the_card(result):
    model = result.model
    assert {"sigma", "rho"} <= set(model.named_vars)
    assert np.isfinite(model.compile_logp(mode="FAST_COMPILE")(model.initial_point()))


def test_a_saved_result_comes_back_whole_and_other_files_are_refused(result, tmp_path):
    path = result.save(tmp_path / "result.zip")
    first = path.read_bytes()
    back = bb.load_result(path)
    assert back.effect == result.effect
    assert back.analysis.digest == result.analysis.digest
    assert bb.DidResult.load(path).effect == result.effect
    pd.testing.assert_frame_equal(back.to_frame("cell"), result.to_frame("cell"))
    assert back.save(tmp_path / "again.zip").read_bytes() == first
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(InputError, match="is no result that bri_bayes saved"):
        bb.load_result(tmp_path / "text.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("result.json", json.dumps({"format": "another"}))
    with pytest.raises(InputError, match="is of another version"):
        bb.load_result(tmp_path / "other.zip")


@pytest.mark.parametrize("kind", ["event_study", "forest", "paths", "diagnostics"])
def test_pictures_are_drawn_into_the_axes_that_are_given(result, kind):
    ax = Figure().subplots()
    assert result.plot(kind, ax=ax) is ax
    assert ax.get_title()
    assert not ax.get_title(loc="left")  # a title of the user's own takes the place of ours
    assert ax.get_xlabel()


_IN_A_NOTEBOOK = """
from types import SimpleNamespace

import matplotlib
from IPython.core.interactiveshell import InteractiveShell

from bri_bayes.app.notebook import plots

InteractiveShell.instance()
plots._KINDS["diagnostics"] = lambda result, ax: None
panel = SimpleNamespace(attrs={"kind": "user"})
plots.plot(SimpleNamespace(analysis=SimpleNamespace(panel=panel)), "diagnostics", None)
print(matplotlib.is_interactive())
"""


def test_a_notebook_shows_the_figures_after_the_first_one_too(tmp_path):
    """Its backend turns that on when the first figure is made, which was undone with our style."""
    known = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "IPYTHONDIR": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", _IN_A_NOTEBOOK], env=known, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True"]


def test_the_summary_has_the_same_numbers_as_the_effect_and_the_estimates(result):
    table = result.summary()
    assert table.loc["Bayes"]["estimate"].iloc[0] == result.effect.mean
    assert table.loc[("twfe", "cluster"), "estimate"] == result.estimates[1].estimate
    assert "log(trade)" in repr(result)
    assert "95% probability" in result.effect_summary()
    assert "<table" in result._repr_html_()


def test_checks_are_asked_for_by_name(result):
    placed = result.check("placebo", kind="space", points=400)
    assert placed.p_value_twfe == result.frequentist.loc[("twfe", "permutation"), "p_value"]
    assert set(bb.check_names()) == {"placebo", "posterior_predictive", "pretrends"}
    with pytest.raises(InputError, match='there is no check "placebos"'):
        result.check("placebos")
    with pytest.raises(InputError, match="does not know one of"):
        result.check("placebo", panels=3)


def test_the_study_of_a_result_has_its_panel_question_and_card(result, tmp_path):
    panel = result.analysis.panel
    names = _study_names(panel)
    _levels(panel).to_csv(tmp_path / "panel.csv")
    (tmp_path / "study.toml").write_text(toml_text(_study(result, names)))
    (tmp_path / "main.toml").write_text(toml_text(_card(result.card, names)))
    study, card = load_study(tmp_path), bb.load_card(tmp_path / "main.toml")
    assert study.assignment == result.analysis.assignment
    loaded = study.load()["log_trade"].to_numpy()
    assert loaded == pytest.approx(panel["log(trade)"].to_numpy(), rel=1e-12)
    assert card.priors == result.card.priors
    assert card.effects == result.card.effects


def test_the_study_of_a_result_with_the_usual_card_shows_its_answer_first(frame, tmp_path, monkeypatch):
    result = ask(frame, formula="log(trade) ~ gdp", card=None)
    monkeypatch.setattr(study_folder, "run_study", lambda path, **options: Finished(path))
    result.report(tmp_path)
    study = load_study(tmp_path)
    assert shown_first(study.models, len(TREATED), study.answer) == result.card.name
    assert study.adjust == result.card.covariates
    # Its units share shocks, which are a drift: the section examines the same model of independent units.
    values = section_answer("honest", tmp_path, quick=True).values
    assert len(values["outcomes"]["log_trade"]["curve"]) > 1


class Finished(NamedTuple):
    """A run that was not made."""

    path: Path


def test_text_in_toml_stays_text():
    import tomllib

    content = {'a "b"\n[c]': {"x": 'q"\\\n\x7f', "on": True, "n": [1, 2.5]}}
    assert tomllib.loads(toml_text(content)) == content


def test_a_card_by_keywords_is_the_card_of_the_file():
    assert bb.card("did").digest == bb.load_card("did").digest
    assert bb.card("did", errors="ar1_noise").errors.structure == "ar1_noise"
    assert bb.card("did", priors={"effect": 0.5}).priors.effect == 0.5
    with pytest.raises(InputError, match="unknown key"):
        bb.card("did", priors={"efect": 0.5})


def test_the_public_names_are_these_and_completion_shows_them():
    assert set(dir(bb)) == {*bb.__all__, "__version__"}
    assert all(getattr(bb, name) is not None for name in bb.__all__)
    assert bb.__all__ == [
        "Analysis", "Assignment", "Cache", "DidResult", "Fit", "ModelCard", "Study", "additional_trade", "att",
        "att_by", "card", "check_names", "counterfactual", "did", "fit", "frequentist_rows", "load_card", "load_panel",
        "load_result", "load_study", "percent", "summarise",
    ]  # fmt: skip


def test_the_parameters_of_did_and_the_members_of_a_result_are_these():
    assert list(inspect.signature(bb.did).parameters) == [
        "data", "formula", "outcome", "unit", "period", "treated", "onset", "treatment", "onset_column", "controls",
        "covariates", "groups", "weights", "periods", "card", "errors", "engine", "seed", "progress",
    ]  # fmt: skip
    assert sorted(name for name in dir(bb.DidResult) if not name.startswith("_")) == [
        "alternatives", "analysis", "att", "card", "check", "compare", "design", "effect", "effect_summary",
        "estimates", "etable", "frequentist", "idata", "load", "model", "notes", "plot", "report", "save", "seed",
        "shown_first", "summary", "to_frame", "trustworthy", "with_card", "with_model",
    ]  # fmt: skip
    assert (Path(bb.__file__).parent / "py.typed").exists()


def test_an_untreated_unit_without_an_outcome_is_named_and_counted_nowhere(seed):
    rng = np.random.default_rng(seed)
    months = [f"2010-{month:02d}" for month in range(1, 13)]
    rows = [(unit, month, rng.normal(), int(unit == "A" and month > "2010-06")) for unit in "ABC" for month in months]
    simulated = pd.DataFrame(rows, columns=["unit", "month", "y", "D"])
    empty = simulated[simulated["unit"] == "B"].assign(unit="Z", y=np.nan)
    asked = {"outcome": "y", "unit": "unit", "period": "month", "treatment": "D"}
    with_empty, without = (bb.did(frame, **asked) for frame in (pd.concat([simulated, empty]), simulated))
    assert with_empty.effect == without.effect
    assert "against two controls (2010-01 to 2010-12)" in with_empty.effect_summary()
    assert "Left out, untreated and without a row: Z." in with_empty.notes
    assert "1 treated unit, 2 controls, 2010-01 to 2010-12, 36 rows" in repr(with_empty)


def test_rows_that_do_not_show_the_treatment_are_refused_with_what_a_covariate_costs(seed):
    rng = np.random.default_rng(seed)
    rows = [
        (unit, year, rng.normal(), int(unit == "A" and year > 2004), year)
        for unit in "ABC"
        for year in range(2001, 2009)
    ]
    simulated = pd.DataFrame(rows, columns=["unit", "year", "y", "D", "x"])
    simulated["x"] = rng.normal(size=len(simulated))
    simulated.loc[simulated["D"] == 1, "x"] = np.nan
    simulated.loc[(simulated["unit"] == "A") & (simulated["year"] == 2008), "x"] = 1.0
    simulated.loc[simulated["year"] == 2008, "x"] = [1.0, np.nan, np.nan]
    asked = {"outcome": "y", "unit": "unit", "period": "year", "treatment": "D", "covariates": "x"}
    with pytest.raises(InputError, match=r"do not identify the coefficient.*\"x\" is missing in 5 of 24 rows"):
        bb.did(simulated, **asked)


def test_placebos_of_the_controls_say_which_card_has_them(seed):
    rng = np.random.default_rng(seed)
    rows = [
        (unit, year, rng.normal(), int(unit < "C" and year > 2004)) for unit in "ABCDEF" for year in range(2001, 2009)
    ]
    simulated = pd.DataFrame(rows, columns=["unit", "year", "y", "D"])
    result = bb.did(simulated, outcome="y", unit="unit", period="year", treatment="D")
    with pytest.raises(InputError, match=r'card is "did_shared": ask result.with_card\("did"\)'):
        result.check("placebo", kind="controls")
    assert result.with_card("did").check("placebo", kind="controls", points=200).n > 3


def test_a_fake_onset_that_cannot_be_is_called_as_the_file_calls_it(seed):
    rng = np.random.default_rng(seed)
    quarters = [f"{year}Q{quarter}" for year in (2010, 2011) for quarter in (1, 2, 3, 4)]
    rows = [(unit, when, rng.normal(), int(unit == "A" and when > "2011Q1")) for unit in "ABCD" for when in quarters]
    simulated = pd.DataFrame(rows, columns=["unit", "when", "y", "D"])
    result = bb.did(simulated, outcome="y", unit="unit", period="when", treatment="D", card="did")
    (reason,) = result.check("placebo", kind="time").left_out.values()
    assert reason.startswith("the onset 2010Q1 is outside the periods with an outcome: it must be after 2010Q1 and not")
