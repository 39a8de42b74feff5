"""Are the rates on the page of calibration those that a new simulation gives, and those of an independent one?"""

import dataclasses
import math
from pathlib import Path

import pytest

from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.design import build_design
from bri_bayes.evaluation.calibration import SCENARIOS, error_rates, golden_assignment, placebo_rates, pretrend_rates
from bri_bayes.frequentist.many import COLLAPSED_T, TWFE_CLUSTER, TWFE_IID, TWFE_PERMUTATION
from bri_bayes.study.model_card import Effects, ModelCard, load_card

from .test_power import GOLDEN, GOLDEN_PANELS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
NAMES = {
    TWFE_IID: "TWFE, ordinary s.e.",
    TWFE_CLUSTER: "TWFE, clustered s.e. (CRV1), t(8)",
    COLLAPSED_T: "before and after, t(7)",
    TWFE_PERMUTATION: "TWFE, permutation",
    "bayes/posterior": "Bayes, AR(1), one effect",
    "bayes/flat": "Bayes, AR(1), one effect",
    "bayes/did": "Bayes, card `did`",
}
FLAT = ModelCard(name="flat", title="flat", outcome="y", effects=Effects(treatment="common"))
MAIN = dataclasses.replace(load_card("did"), outcome="y")
# Panels of a row of the page, and of a new simulation here.
PAGE_PANELS, PANELS = 2000, 400
# Monte Carlo standard errors that a rate may be away.
STANDARD_ERRORS = 4
# The median of some hundred lengths, as a share.
LENGTH = 0.1


def table(name):
    """The rows of a table of the page, cell by cell."""
    text = PAGE.read_text(encoding="utf-8").split(f"<!-- {name} -->")[1].split(f"<!-- end {name} -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]


ERRORS = {(scenario, test): [float(cell) for cell in cells] for scenario, test, *cells in table("errors")}


def near(rate, panels, other):
    """How far two estimates of one rate may be apart; a rate that was zero may have been a few."""
    usual = max(rate * (1 - rate), 0.02)
    return STANDARD_ERRORS * math.sqrt(usual * (1 / panels + 1 / other))


@pytest.mark.golden
@pytest.mark.parametrize("rho", list(GOLDEN))
def test_the_sizes_on_the_page_are_those_of_an_independent_simulation(rho):
    scenario = next(scenario.name for scenario in SCENARIOS if scenario.rho == rho and scenario.treated_scale == 1)
    for test, expected in GOLDEN[rho].items():
        size = ERRORS[scenario, NAMES[test]][0]
        assert size == pytest.approx(expected, abs=near(expected, PAGE_PANELS, GOLDEN_PANELS)), test


def test_the_page_says_of_the_posterior_what_its_table_shows():
    posterior = {key: cells for key, cells in ERRORS.items() if key[1].startswith("Bayes")}
    assert len(posterior) == 2 * len(SCENARIOS)
    for size, bias, coverage, _ in posterior.values():
        assert 0.03 <= size <= 0.065
        assert 0.935 <= coverage <= 0.97
        assert -0.07 <= bias <= 0.01
    for scenario in ("rho 0.8", "random walk"):
        assert ERRORS[scenario, NAMES[TWFE_CLUSTER]][3] > 1.5 * ERRORS[scenario, NAMES["bayes/did"]][3]


@pytest.mark.calibration
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_a_new_simulation_has_the_rates_of_the_page(scenario):
    assignment, periods = golden_assignment()
    panel, _ = simulate_panel(assignment, periods, seed=0)
    cards = {"bayes/flat": FLAT, "bayes/did": MAIN}
    design = build_design(panel, assignment, FLAT)
    for row in error_rates(design, cards, scenario, effect=1.0, panels=PANELS, seed=7).to_dict("records"):
        size, bias, coverage, length = ERRORS[scenario.name, NAMES[row["test"]]]
        assert row["size"] == pytest.approx(size, abs=near(size, PANELS, PAGE_PANELS)), row["test"]
        assert row["coverage"] == pytest.approx(coverage, abs=near(coverage, PANELS, PAGE_PANELS)), row["test"]
        error = row["bias_error"] * math.sqrt(1 + PANELS / PAGE_PANELS)
        assert row["bias"] == pytest.approx(bias, abs=STANDARD_ERRORS * error), row["test"]
        assert row["length"] == pytest.approx(length, rel=LENGTH), row["test"]


@pytest.mark.calibration
def test_a_planted_effect_is_found_and_one_that_is_not_there_is_not_at_the_rates_of_the_page():
    stated = {(check, float(planted)): (float(rate), int(panels)) for check, planted, rate, panels in table("planted")}
    assert {planted for _, planted in stated} == {0.0, 0.3}
    panels = 15
    for row in placebo_rates(MAIN, [0.0, 0.3], panels=panels, seed=99).to_dict("records"):
        rate, of = stated[row["check"], row["planted"]]
        assert row["rate"] == pytest.approx(rate, abs=near(rate, panels, of)), row["check"]
    assert all(rate < 0.15 if planted == 0 else rate > 0.5 for (_, planted), (rate, _) in stated.items())


def test_planted_trends_are_found_at_the_rates_of_the_page():
    stated = {float(planted): (float(rate), int(panels)) for _, planted, rate, panels in table("pretrends")}
    for row in pretrend_rates(MAIN, list(stated), panels=300, seed=99).to_dict("records"):
        rate, of = stated[row["planted"]]
        assert row["rate"] == pytest.approx(rate, abs=near(rate, 300, of))
    assert stated[0.0][0] < 0.07
    assert stated[0.05][0] > 0.95
