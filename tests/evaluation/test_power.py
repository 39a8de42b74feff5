"""Does the design analysis give rates that are known: from theory, a paper, and an independent simulation?"""

from __future__ import annotations

import dataclasses
import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.stats import norm

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import Design, build_design
from bri_bayes.evaluation.power import (
    BAYES,
    COLUMNS,
    RANDOM_WALK,
    characteristics,
    design_analysis,
    persistence_and_spread,
    power_values,
    simulated_errors,
)
from bri_bayes.frequentist import fit_twfe
from bri_bayes.frequentist.many import COLLAPSED_T, TWFE_CLUSTER, TWFE_IID, TWFE_PERMUTATION, TWFE_PUBLISHED, Answers
from bri_bayes.inference import fit
from bri_bayes.report.figures.power import power
from bri_bayes.report.figures.theme import style
from bri_bayes.study.model_card import Effects, Errors, ModelCard, Sampler, load_card
from bri_bayes.study.study_file import load_study

GOODS_TRADE = Path(__file__).resolve().parents[2] / "data" / "goods_trade.toml"
# Monte Carlo standard errors that a rate may be away: one of some hundred rates by chance, less than once in 100 runs.
STANDARD_ERRORS = 4
PANELS = 1500
# Table "Size of nominal 5% tests with no effect" of shared/golden/README.md, 4,000 panels.
GOLDEN_PANELS = 4000
GOLDEN = {
    0.0: {TWFE_IID: 0.052, TWFE_CLUSTER: 0.062, COLLAPSED_T: 0.053, TWFE_PERMUTATION: 0.049, BAYES: 0.046},
    0.5: {TWFE_IID: 0.231, TWFE_CLUSTER: 0.056, COLLAPSED_T: 0.047, TWFE_PERMUTATION: 0.044, BAYES: 0.044},
    0.8: {TWFE_IID: 0.420, TWFE_CLUSTER: 0.056, COLLAPSED_T: 0.050, TWFE_PERMUTATION: 0.047, BAYES: 0.056},
    RANDOM_WALK: {TWFE_IID: 0.562, TWFE_CLUSTER: 0.057, COLLAPSED_T: 0.049, TWFE_PERMUTATION: 0.046, BAYES: 0.055},
}
FLAT = ModelCard(name="flat", title="flat", outcome="y", effects=Effects(treatment="common"))
MAIN = dataclasses.replace(load_card("did"), outcome="y")


def design_of(card: ModelCard = FLAT, *, n_treated: int = 5, n_units: int = 9, n_periods: int = 21) -> Design:
    """Treated from the middle on; the golden table has 5 of 9 units, 21 years, onset at the 11th."""
    units = [f"U{i}" for i in range(n_units)]
    onset = 2000 + n_periods // 2
    assignment = Assignment({unit: onset if i < n_treated else None for i, unit in enumerate(units)})
    panel, _ = simulate_panel(assignment, range(2000, 2000 + n_periods), seed=0)
    return build_design(panel, assignment, card)


def cell(table: pd.DataFrame, test: str, effect: float, rho: float) -> pd.Series:
    return table[(table["test"] == test) & (table["effect"] == effect) & (table["rho"] == rho)].iloc[0]


@pytest.mark.golden
@pytest.mark.calibration
@pytest.mark.parametrize("rho", list(GOLDEN))
def test_sizes_are_those_of_an_independent_simulation(rho: float) -> None:
    table = design_analysis(
        design_of(), FLAT, effects=[0.0], persistences=[rho], innovation_sd=1.0, panels=PANELS, seed=2013
    )
    for test, expected in GOLDEN[rho].items():
        error = math.sqrt(expected * (1 - expected) * (1 / PANELS + 1 / GOLDEN_PANELS))
        assert cell(table, test, 0.0, rho)["power"] == pytest.approx(expected, abs=STANDARD_ERRORS * error), test


def gelman_carlin(effect: float, se: float, critical: float) -> tuple[float, float, float]:
    """Power, type S and type M of |estimate| > critical with estimate ~ N(effect, se^2), in closed form."""
    right, wrong = norm.sf((critical - effect) / se), norm.cdf((-critical - effect) / se)
    upper = effect * right + se * norm.pdf((critical - effect) / se)
    lower = effect * wrong - se * norm.pdf((-critical - effect) / se)
    size = right + wrong
    return float(size), float(wrong / size), float((upper - lower) / size / effect)


@pytest.mark.golden
@pytest.mark.parametrize(
    ("effect", "se", "power_", "type_s", "type_m"),
    [(0.1, 3.28, 0.05010648, 0.4644228, 76.82889), (2.0, 8.1, 0.05701294, 0.2396177, 9.571811)],
)
def test_type_s_and_m_are_those_of_gelman_and_carlin(
    effect: float, se: float, power_: float, type_s: float, type_m: float
) -> None:
    """Two examples of their paper (2014), by its R function ``retrodesign``, whose type M is simulated."""
    exact = gelman_carlin(effect, se, norm.ppf(0.975) * se)
    assert exact[:2] == pytest.approx((power_, type_s), rel=1e-6)
    assert exact[2] == pytest.approx(type_m, rel=0.02)
    estimates = np.random.default_rng(1).normal(effect, se, 400_000)
    no = np.zeros(estimates.size, dtype=bool)
    row = characteristics(Answers(estimates, estimates, np.abs(estimates) > norm.ppf(0.975) * se, no), effect)
    assert (row["power"], row["type_s"], row["type_m"]) == pytest.approx(exact, rel=0.03)


def test_a_test_with_a_known_standard_error_has_its_theoretical_power() -> None:
    design = design_of(n_treated=3, n_units=6, n_periods=10)
    effect, published_se, panels = 0.8, 0.3, 2000
    table = design_analysis(
        design, FLAT, effects=[effect], persistences=[0.0], innovation_sd=1.0, published_se=published_se, panels=panels
    )
    ours = cell(table, TWFE_PUBLISHED, effect, 0.0)
    se = math.sqrt(float(fit_twfe(design).least_squares.bread[0, 0]))
    size, type_s, type_m = gelman_carlin(effect, se, norm.ppf(0.975) * published_se)
    assert ours["power"] == pytest.approx(size, abs=STANDARD_ERRORS * ours["mc_error"])
    assert ours["type_s"] == pytest.approx(type_s, abs=STANDARD_ERRORS * math.sqrt(type_s / panels / size))
    assert ours["type_m"] == pytest.approx(type_m, rel=0.05)
    covered = 2 * norm.cdf(norm.ppf(0.975) * published_se / se) - 1
    error = math.sqrt(covered * (1 - covered) / panels)
    assert ours["coverage"] == pytest.approx(covered, abs=STANDARD_ERRORS * error)


def test_a_larger_unit_changes_lengths_and_no_rate() -> None:
    design = design_of(MAIN, n_periods=12)
    options: dict[str, Any] = {"persistences": [0.5], "panels": 60, "seed": 1}
    in_units = design_analysis(design, MAIN, effects=[0.0, 0.3], innovation_sd=0.2, **options)
    other = design_analysis(design, MAIN, effects=[0.0, 30.0], innovation_sd=20.0, **options)
    rates = ["rho", "test", "power", "type_s", "type_m", "coverage", "mc_error"]
    pd.testing.assert_frame_equal(in_units[rates], other[rates], rtol=1e-4)
    assert other["length"].to_numpy() == pytest.approx(100 * in_units["length"].to_numpy(), rel=1e-4)


def test_the_table_has_a_row_for_each_effect_persistence_and_test() -> None:
    heard: list[str] = []
    table = design_analysis(
        design_of(n_periods=12),
        FLAT,
        effects=[0.0, 0.5],
        persistences=[0.0, RANDOM_WALK],
        innovation_sd=0.5,
        panels=20,
        progress=heard.append,
    )
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 2 * 2 * 5
    assert not table.duplicated(["effect", "rho", "test"]).any()
    assert heard == ["persistence 0", "persistence 1"]
    assert table.loc[table["effect"] == 0, ["type_s", "type_m"]].isna().all(axis=None)


def test_errors_of_a_gap_panel_skip_the_years_without_rows() -> None:
    design = design_of(n_periods=12)
    kept = design.isel(obs=design["period_ix"].to_numpy() % 2 == 0)
    every = simulated_errors(design, 0.5, 1.0, 3, seed=0)
    some = simulated_errors(kept, 0.5, 1.0, 3, seed=0)
    assert np.array_equal(some, every[:, design["period_ix"].to_numpy() % 2 == 0])


def test_persistence_and_spread_are_those_that_made_the_panel() -> None:
    units = [f"U{i}" for i in range(12)]
    assignment = Assignment({unit: 2030 if i < 6 else None for i, unit in enumerate(units)})
    panel, _ = simulate_panel(assignment, range(2000, 2060), rho=0.6, innovation_sd=30.0, seed=5)
    rho, innovation_sd = persistence_and_spread(fit(Analysis(panel, assignment, FLAT), pointwise=False))
    assert rho == pytest.approx(0.6, abs=0.1)
    assert innovation_sd == pytest.approx(30.0, rel=0.1)


@pytest.mark.parametrize(("errors", "known"), [(Errors("iid"), 0.0), (Errors("random_walk", "by_unit"), RANDOM_WALK)])
def test_a_card_without_rho_knows_its_persistence(errors: Errors, known: float) -> None:
    units = [f"U{i}" for i in range(6)]
    assignment = Assignment({unit: 2006 if i < 3 else None for i, unit in enumerate(units)})
    sd = {unit: 1.0 if i < 3 else 3.0 for i, unit in enumerate(units)}
    structure = errors.structure
    panel, _ = simulate_panel(assignment, range(2000, 2040), errors=structure, innovation_sd=sd, seed=5)
    card = dataclasses.replace(FLAT, errors=errors)
    rho, innovation_sd = persistence_and_spread(fit(Analysis(panel, assignment, card), pointwise=False))
    assert rho == known
    assert innovation_sd == pytest.approx(math.sqrt(5), rel=0.15)


@cache
def small_powers() -> str:
    """The design analysis of a small panel, as it is stored."""
    units = [f"U{i}" for i in range(9)]
    assignment = Assignment({unit: 2006 if i < 5 else None for i, unit in enumerate(units)})
    panel, _ = simulate_panel(assignment, range(2000, 2012), innovation_sd=0.3, seed=3)
    card = dataclasses.replace(FLAT, sampler=Sampler(draws=200))
    powers = power_values(
        fit(Analysis(panel, assignment, card), pointwise=False), effect=0.218, published_se=0.04, panels=40
    )
    return json.dumps(powers.as_dict(), allow_nan=False)


def small_values(kind: str = "user", outcomes: int = 2) -> dict[str, Any]:
    labels = ["Exports", "Imports", "Both"][:outcomes]
    return {
        "panel": {"kind": kind, "label": "Invented", "units": [f"U{i}" for i in range(9)], "sources": []},
        "outcomes": {label: {"label": label, "power": json.loads(small_powers())} for label in labels},
    }


def test_the_values_are_json_and_contain_the_persistence_of_the_panel() -> None:
    powers = small_values()["outcomes"]["Exports"]["power"]
    assert set(powers) == {"card", "effect", "rho", "innovation_sd", "panels", "seed", "rows", "verdicts"}
    assert {row["rho"] for row in powers["rows"]} == {0.0, 0.5, 0.8, RANDOM_WALK, powers["rho"]}
    assert {row["effect"] for row in powers["rows"]} == {0.0, 0.218}
    assert {row["test"] for row in powers["rows"]} >= {TWFE_PUBLISHED, BAYES}
    assert [row["truth"] for row in powers["verdicts"]] == [0.0, 0.109, 0.218]


def test_a_claim_is_supported_at_most_as_often_as_the_posterior_or_the_permutation_test_finds_an_effect() -> None:
    powers = small_values()["outcomes"]["Exports"]["power"]
    finds = {(row["test"], row["effect"]): row["power"] for row in powers["rows"] if row["rho"] == powers["rho"]}
    for row in powers["verdicts"]:
        assert sum(row[name] for name in ("supported", "not_supported", "cannot_be_told")) == pytest.approx(1)
        if row["truth"] in (0.0, powers["effect"]):
            assert row["supported"] <= min(finds[test, row["truth"]] for test in (BAYES, TWFE_PERMUTATION))
    none, _, published = powers["verdicts"]
    assert published["supported"] > none["supported"]
    assert published["not_supported"] < none["not_supported"]


def words(figure: Figure) -> str:
    with style():
        figure.draw_without_rendering()
    return " ".join(" ".join(text.get_text() for text in figure.findobj(Text) if text.get_visible()).split())


def test_the_figure_says_the_power_of_the_posterior_at_the_persistence_of_the_panel() -> None:
    values = small_values()
    for label, share in {"Exports": 0.17, "Imports": 0.05}.items():
        powers = values["outcomes"][label]["power"]
        for row in powers["rows"]:
            if row["test"] == BAYES and row["rho"] == powers["rho"] and row["effect"]:
                row |= {"power": share, "type_m": 2.34}
    text = words(power(values))
    assert "If the published effects were true, nine units would show them in 17% (Exports) and 5% (Imports)" in text
    assert "Exports, effect +0.218: Bayes finds it in 17%; what it finds is 2.3 times the effect on average" in text
    assert "TWFE, published s.e." in text
    assert "random walk" in text


def test_the_figure_says_in_which_share_the_ordinary_test_finds_what_is_not_there() -> None:
    values = small_values(outcomes=1)
    powers = values["outcomes"]["Exports"]["power"]
    for row in powers["rows"]:
        if row["effect"] == 0 and row["rho"] == powers["rho"]:
            row["power"] = {TWFE_IID: 0.47}.get(row["test"], 0.04)
    text = words(power(values))
    assert "Exports, no effect: ordinary standard errors find one in 47%, Bayes in 4%" in text
    assert "If the published effect were true" in text


def test_the_figure_of_a_simulation_says_so_and_without_power_there_is_none() -> None:
    values = small_values(kind="simulation", outcomes=3)
    assert words(power(values)).count("SIMULATED PANEL - not observations") == 2
    for outcome in values["outcomes"].values():
        del outcome["power"]
    with pytest.raises(InputError, match='the figure "power" needs an outcome with "power"'):
        power(values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"effects": []}, "effects must be one or more finite numbers"),
        ({"effects": [math.nan]}, "effects must be one or more finite numbers"),
        ({"persistences": [1.1]}, r"persistences must lie above -1 and not above 1 \(a random walk\), not \[1.1\]"),
        ({"innovation_sd": 0.0}, "the sd of an innovation must be positive and finite, not 0.0"),
        ({"panels": 1}, "a design analysis needs two panels or more, not 1"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_a_reason(changes: dict[str, Any], message: str) -> None:
    options: dict[str, Any] = {"effects": [0.1], "persistences": [0.5], "innovation_sd": 1.0, "panels": 10} | changes
    with pytest.raises(InputError, match=message):
        design_analysis(design_of(n_periods=12), FLAT, **options)


@pytest.mark.real
def test_on_the_real_panel_the_ordinary_test_finds_effects_that_are_not_there(shared: Any) -> None:
    study = load_study(GOODS_TRADE, panel=shared / "data" / "real_panel" / "china_partners_2000_2023.csv")
    card = dataclasses.replace(load_card("did"), outcome="lnexport")
    fitted = fit(Analysis(study.load(), study.assignment, card), pointwise=False)
    powers = power_values(fitted, effect=0.218, persistences=(), panels=300)
    rows = {(row.effect, row.test): row.power for row in powers.rows}
    assert rows[0.0, TWFE_IID] > 0.3
    assert rows[0.0, BAYES] < 0.1
    assert rows[0.218, BAYES] < 0.3


def test_a_persistence_of_the_panel_that_is_on_the_grid_keeps_its_tick() -> None:
    values = small_values(outcomes=1)
    values["outcomes"]["Exports"]["power"]["rho"] = RANDOM_WALK
    assert "random walk" in words(power(values))
