"""Do the sections of placebos and pre-trends keep their contracts, from the study to the page?"""

import dataclasses
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from bri_bayes.app.section_answer import SectionAnswer, section_answer
from bri_bayes.checks.placebo_pool import all_others, candidates, same_shape
from bri_bayes.checks.placebo_space import any_unit
from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.presentation.page_parts import Paragraph, Picture
from bri_bayes.report.sections import load_section
from bri_bayes.report.sections.placebo_page import CHECKS
from bri_bayes.runtime.cache import Cache
from bri_bayes.study.model_card import load_card
from bri_bayes.study.study_file import load_study

DATA = Path(__file__).resolve().parents[3] / "data"
SIMULATED, GOODS_TRADE = DATA / "simulated.toml", DATA / "goods_trade.toml"
ATT = {"mean", "sd", "lower", "upper", "p_positive"}
# The promises on two idle cores, in CPU seconds of one process; a busy machine may take longer.
ENUMERATED_SECONDS, POOL_SECONDS, SMALL_PANEL_SECONDS = 8, 60, 10


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def values(cache):
    return section_answer("placebo", SIMULATED, quick=True, cache=cache).values


def test_every_kind_has_an_observed_effect_placebos_a_p_value_and_their_number(values):
    assert set(values["outcomes"]) == {"lnexport", "lnimport"}
    assert values["panel"]["kind"] == "simulation"
    json.dumps(values, allow_nan=False)
    for outcome in values["outcomes"].values():
        for kind in ("time", "space", "predictive"):
            null = outcome[kind]
            assert set(null["observed"]) == ATT
            assert len(null["placebos"]) == null["n"]
            assert 0 < null["p_value"] <= 1
            assert all(set(row["att"]) == ATT and row["label"] for row in null["placebos"])
        assert outcome["space"]["n"] == 126
        assert outcome["space"]["controls_only"]["n"] == 14
        assert outcome["space"]["wide_pool"] is None
        assert "no wider pool" in outcome["space"]["no_pool"]
        assert len(outcome["time"]["with_treated_years"]) == 9
        assert outcome["predictive"]["whole_panel"]["n"] == outcome["predictive"]["n"] == 100


def test_the_predictive_checks_are_those_of_the_card_that_is_shown_and_of_that_of_the_checks(values):
    placed = {"observed": 1.0, "mean": 1.1, "lower": 0.5, "upper": 1.9, "p_value": 0.6, "extreme": False}
    first = {"card": "did_shared", "checks": [placed | {"statistic": "spread"}], "spreads": {"KAZ": placed}}
    outcomes = {name: {"label": name, "first": first} for name in values["outcomes"]}
    frame = CHECKS.frame({"placebo": values, "panel": values["panel"], "outcomes": outcomes})
    (exports,) = (rows for name, rows in frame.groupby("outcome") if name == "lnexport")
    assert exports["model"].unique().tolist() == ["did_shared", "did"]
    assert exports["statistic"][exports["model"] == "did_shared"].tolist() == ["spread", "spread of KAZ"]
    first["card"] = "did"
    again = CHECKS.frame({"placebo": values, "panel": values["panel"], "outcomes": outcomes})
    assert again["model"].unique().tolist() == ["did"]
    assert len(again) == (frame["model"] == "did").sum()


def test_no_placebo_is_a_failure_and_each_states_its_rule(values):
    assert values["failed_gates"] == []
    assert len(values["checks"]) == 2 * 5
    for check in values["checks"]:
        assert check["passed"] is not False
        assert "at most 5%" in check["rule"]


def test_one_kind_alone_is_taken_from_the_same_cache(values, cache, within):
    with within(10):
        only = section_answer("placebo", SIMULATED, quick=True, cache=cache, options={"kind": "time"}).values
    for name, outcome in only["outcomes"].items():
        assert "space" not in outcome
        assert outcome["time"] == values["outcomes"][name]["time"]


@pytest.mark.calibration
def test_every_placebo_of_17_units_and_44_years_is_there_in_seconds(tmp_path, within):
    units = [f"U{i:02d}" for i in range(17)]
    assignment = Assignment({unit: 1990 if unit == "U00" else None for unit in units})
    panel, _ = simulate_panel(assignment, range(1960, 2004), effect=0.0, rho=0.8, innovation_sd=0.02, seed=1)
    panel["y"].to_dataframe().reset_index().to_csv(tmp_path / "panel.csv", index=False)
    study = f"""
        title = "Simulated"
        models = ["did"]
        [panel]
        kind = "user"
        file = "panel.csv"
        unit = "unit"
        period = "period"
        [assignment]
        treated = ["U00"]
        controls = {json.dumps(units[1:])}
        onset = 1990
        [outcomes.y]
        column = "y"
        """
    (tmp_path / "study.toml").write_text(textwrap.dedent(study))
    with within(SMALL_PANEL_SECONDS):
        values = section_answer("placebo", tmp_path / "study.toml", cache=Cache(tmp_path / "cache")).values
    outcome = values["outcomes"]["y"]
    assert outcome["time"]["n"] == len(outcome["time"]["with_treated_years"]) == 29
    assert list(outcome["time"]["left_out"]) == ["1960"]
    assert outcome["space"]["n"] == 17
    assert outcome["space"]["controls_only"]["n"] > 800
    assert outcome["predictive"]["n"] == 500
    assert values["failed_gates"] == []


def test_an_unknown_kind_is_refused_with_the_allowed_ones():
    with pytest.raises(InputError, match='--kind "spce" is unknown; did you mean "space"'):
        section_answer("placebo", SIMULATED, options={"kind": "spce"})


def test_the_page_states_the_rule_shows_every_figure_and_what_a_null_cannot_say(values):
    section = load_section("placebo")
    parts = section.parts({"placebo": values, "panel": values["panel"], "outcomes": {}})
    text = " ".join(part.text for part in parts if isinstance(part, Paragraph))
    assert "at most 5% of them are at least as large" in text
    assert "it cannot be below 1/126" in text
    assert "is arithmetic, and no evidence" in text
    figures = [part.figure for part in parts if isinstance(part, Picture)]
    assert figures == ["placebo_time", "placebo_space", "placebo_paper", "placebo_predictive", "model_checks"]


def test_the_terminal_has_every_table_and_a_kind_alone_has_no_others(values):
    text = SectionAnswer("placebo", values, load_study(SIMULATED)).text()
    assert "SIMULATED PANEL" in text
    assert {"groups", "controls", "alone"} <= set(text.split())
    assert "rows more; --json has all" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "random groups of other units" not in text


def test_no_text_of_the_placebos_takes_units_for_countries_or_has_a_paper_in_mind(values):
    from bri_bayes.report.sections.placebo_page import NULLS, _reading

    text = " ".join([*_reading(values["outcomes"]), *NULLS.values()])
    assert "Groups of the same units" in text
    assert not {"countries", "country", "paper's"} & set(text.split())


def test_pre_trends_state_slope_and_what_could_be_detected(cache):
    values = section_answer("pretrends", SIMULATED, quick=True, cache=cache).values
    json.dumps(values, allow_nan=False)
    for check, outcome in zip(values["checks"], values["outcomes"].values(), strict=True):
        pretrend = outcome["pretrend"]
        assert check["passed"] is pretrend["passed"] is None
        assert f"{pretrend['detectable_slope']:.3f} a year" in check["detail"]
        assert [lead["period"] for lead in pretrend["leads"]] == list(range(2003, 2013))
    assert "could not have been expected to find one that matters" in values["checks"][0]["detail"]


@pytest.mark.real
@pytest.mark.calibration
def test_on_the_real_panel_the_placebos_keep_their_promises_in_numbers_and_time(shared, tmp_path, within):
    panel = shared / "data" / "real_panel" / "china_partners_2000_2023.csv"
    command = [sys.executable, "-m", "bri_bayes.cli", "placebo", str(GOODS_TRADE), "--panel", str(panel), "--json"]
    environment = {"BRI_BAYES_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([*command, "--kind", "space"], capture_output=True, text=True, check=True, env=environment)
    values = json.loads(done.stdout)
    known = {"lnexport": 63, "lnimport": 118}
    for name, larger in known.items():
        space = values["outcomes"][name]["space"]
        assert round(space["p_value_twfe"] * 126) == larger
        assert space["wide_pool"]["n"] == space["wide_pool_all_others"]["n"] == 500
        assert space["wide_pool"]["false_alarms"]["twfe/iid"] > 0.3
        assert space["wide_pool"]["excluding_zero"] < 0.1 * 500
    study = load_study(GOODS_TRADE, panel=panel)
    card = dataclasses.replace(load_card("did"), outcome="lnexport")
    analysis, pool = Analysis(study.load(), study.assignment, card), study.load_pool()
    units = candidates(analysis, pool, list(study.outcomes))
    assert len(units) > 150
    with within(ENUMERATED_SECONDS):
        assert np.isfinite(any_unit(analysis).p_value)
    with within(POOL_SECONDS):
        same_shape(analysis, pool, units, groups=500)
        all_others(analysis, pool, units, groups=500)
