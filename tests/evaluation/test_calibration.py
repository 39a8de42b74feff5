"""Are the rates on the page of calibration those that a new simulation gives, and those of an independent one?"""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from bri_bayes.evaluation.calibration import error_rates, placebo_rates, pretrend_rates, scenario_design
from bri_bayes.evaluation.scenarios import SCENARIOS
from bri_bayes.frequentist.many import COLLAPSED_T, TWFE_CLUSTER, TWFE_IID, TWFE_PERMUTATION
from bri_bayes.frequentist.many_clusters import TWFE_CRV3, TWFE_WILD
from bri_bayes.inference.batch import att_of_many
from bri_bayes.study.model_card import load_card

from .test_power import GOLDEN, GOLDEN_PANELS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "calibration.md"
CARDS = ("did", "did_noise", "did_shared")
FIRST = "Bayes, card `did_shared`"
NAMES = {
    TWFE_IID: "TWFE, ordinary s.e.",
    TWFE_CLUSTER: "TWFE, clustered s.e. (CRV1), t(8)",
    TWFE_CRV3: "TWFE, cluster jackknife (CRV3), t(8)",
    TWFE_WILD: "TWFE, wild cluster bootstrap",
    COLLAPSED_T: "before and after, t(7)",
    TWFE_PERMUTATION: "TWFE, permutation",
    **{f"bayes/{name}": f"Bayes, card `{name}`" for name in CARDS},
}
MAIN = dataclasses.replace(load_card("did"), outcome="y")
# Panels of a row of the page, and of a new simulation here.
PAGE_PANELS, PANELS = 200, 100
# Monte Carlo standard errors that a rate may be away.
STANDARD_ERRORS = 4
# The median of some hundred lengths, as a share.
LENGTH = 0.1
# The bound on the size of the first answer, and the situations that the page names because they are outside.
LEAST, MOST = 0.03, 0.07
# The bounds of the average of an effect that changes: 0.03 where the effect is 0.2, and the coverage.
PATHS = ("AR 0.8, effect of three years", "AR 0.8, effect that rises from zero")
BIAS, COVERAGE = 0.15, (0.93, 0.97)
# Scenarios of the golden simulation, by rho.
OF_RHO = {0.0: "independent", 0.5: "AR 0.5", 0.8: "AR 0.8", 1.0: "random walk"}


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
@pytest.mark.parametrize("rho", [rho for rho in GOLDEN if rho in OF_RHO])
def test_the_sizes_on_the_page_are_those_of_an_independent_simulation(rho):
    for test, expected in GOLDEN[rho].items():
        if test in NAMES:
            size = ERRORS[OF_RHO[rho], NAMES[test]][0]
            assert size == pytest.approx(expected, abs=near(expected, PAGE_PANELS, GOLDEN_PANELS)), test


def test_every_situation_has_every_row():
    assert set(ERRORS) == {(scenario.name, name) for scenario in SCENARIOS for name in NAMES.values()}


def test_an_error_scale_a_unit_is_as_honest_as_one_scale_for_all():
    """Whatever the situation: what fools one fools the other, and nothing else does."""
    rows = {scenario: [float(cell) for cell in cells] for scenario, *cells in table("scales")}
    assert set(rows) == {scenario.name for scenario in SCENARIOS if scenario.missing is None}
    for scenario, (size, *_) in rows.items():
        common = ERRORS[scenario, NAMES["bayes/did"]][0]
        assert size == pytest.approx(common, abs=near(common, PAGE_PANELS, PAGE_PANELS)), scenario


def test_every_card_whose_average_of_a_changing_effect_leaves_the_bounds_is_named():
    page = PAGE.read_text(encoding="utf-8")
    named = page.split("<!-- paths -->")[1].split("<!-- end paths -->")[0]
    outside = []
    for path in PATHS:
        for card in CARDS:
            _, bias, coverage, _ = ERRORS[path, NAMES[f"bayes/{card}"]]
            if abs(bias) > BIAS:
                outside.append(f"bias of *{path}* under `{card}` ({bias:+.2f})")
            if not COVERAGE[0] <= coverage <= COVERAGE[1]:
                outside.append(f"coverage of *{path}* under `{card}` ({coverage:.3f})")
    assert all(text in named for text in outside)
    assert named.count("*") == 2 * len(outside)


def test_the_average_of_a_free_path_is_right_whatever_the_path():
    card = dataclasses.replace(load_card("did_free_path"), outcome="y")
    for scenario in (some for some in SCENARIOS if some.name in PATHS):
        design = scenario_design(scenario)
        errors = scenario.outcomes(40, seed=3).reshape(40, -1)
        outcomes = np.concatenate([errors, errors + scenario.effect.ravel()])
        mean = att_of_many(design, card, outcomes, points=1000)["mean"].to_numpy()
        # The same errors with and without the effect: what differs is the effect and what the prior takes from it.
        assert (mean[40:] - mean[:40]).mean() == pytest.approx(1.0, abs=0.05)


def test_every_situation_in_which_the_first_answer_leaves_the_bound_is_named():
    page = PAGE.read_text(encoding="utf-8")
    named = page.split("<!-- named -->")[1].split("<!-- end named -->")[0]
    outside = [scenario.name for scenario in SCENARIOS if not LEAST <= ERRORS[scenario.name, FIRST][0] <= MOST]
    assert all(f"*{name}*" in named for name in outside)
    assert named.count("*") == 2 * len(outside)


def test_where_half_or_both_groups_share_shocks_every_answer_but_the_first_is_too_sure():
    shared = [name.name for name in SCENARIOS if "share 50%" in name.name or "both groups" in name.name]
    assert len(shared) == 4
    for (scenario, test), (size, *_) in ERRORS.items():
        if scenario in shared:
            assert (size <= MOST) == (test == FIRST), (scenario, test)


@pytest.mark.parametrize("scenario", SCENARIOS[:1] + SCENARIOS[-3:-2], ids=lambda scenario: scenario.name)
def test_a_small_new_simulation_has_the_rates_of_the_page(scenario):
    cards = {"bayes/did_shared": dataclasses.replace(load_card("did_shared"), outcome="y")}
    for row in error_rates(cards, scenario, panels=PANELS, seed=7).to_dict("records"):
        size, bias, coverage, length = ERRORS[scenario.name, NAMES[row["test"]]]
        assert row["size"] == pytest.approx(size, abs=near(size, PANELS, PAGE_PANELS)), row["test"]
        assert row["coverage"] == pytest.approx(coverage, abs=near(coverage, PANELS, PAGE_PANELS)), row["test"]
        error = row["bias_error"] * math.sqrt(1 + PANELS / PAGE_PANELS)
        assert row["bias"] == pytest.approx(bias, abs=STANDARD_ERRORS * error), row["test"]
        assert row["length"] == pytest.approx(length, rel=2 * LENGTH), row["test"]


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
