"""Is an effect against the last periods before the onset told from one against all of them?"""

import numpy as np
import pytest

from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.baselines import LAST, baselines
from bri_bayes.frequentist.imputation import MOST_NUMBERS, impute, impute_from_last
from bri_bayes.presentation.estimate_text import baselines_text
from tests.checks.panels import ONSET, TREATED, recipe

JUMP = 0.6
# Errors of five units against four over ten years and more: an sd of 0.1 to 0.2 of their averages.
TOLERANCE = 0.2


def jumped(years: int, **changes) -> Analysis:
    """Treated units are JUMP higher from so many years before the onset on, and the policy does nothing."""
    analysis, _ = recipe(rho=0.0, **changes)
    late = (analysis.panel["period"] >= ONSET - years) & analysis.panel["unit"].isin(TREATED)
    return analysis.replace(panel=analysis.panel.assign(y=analysis.panel["y"] + JUMP * late))


def test_a_jump_three_years_before_the_onset_is_no_effect_against_the_last_years_and_most_of_one_against_all():
    both = baselines(jumped(LAST).design)
    assert both is not None
    assert both.last == pytest.approx(0.0, abs=TOLERANCE)
    assert both.whole == pytest.approx(JUMP * (1 - LAST / 10), abs=TOLERANCE)
    assert both.whole - both.last > TOLERANCE


def test_the_last_years_are_those_of_the_panel_without_the_earlier_ones_of_treated_units():
    design = jumped(LAST).design
    y, treated = design["y"].to_numpy(), design["treated"].to_numpy()
    ever = np.isin(design["unit"].to_numpy()[design["unit_ix"].to_numpy()], TREATED)
    years = design["period"].to_numpy()[design["period_ix"].to_numpy()]
    near = ever & (years >= ONSET - LAST) & ~treated
    unit_means = [y[near & (design["unit_ix"] == unit)].mean() for unit in np.unique(design["unit_ix"][ever])]
    controls = {year: y[~ever & (years == year)].mean() for year in np.unique(years)}
    expected = (
        y[treated].mean()
        - np.mean(unit_means)
        - np.mean([controls[year] for year in years[treated]])
        + np.mean([controls[year] for year in years[near]])
    )
    assert impute_from_last(design, LAST).estimate == pytest.approx(expected)


def test_with_as_few_years_before_the_onset_both_are_one_number():
    design = recipe(first=ONSET - LAST)[0].design
    assert impute_from_last(design, LAST).estimate == impute(design).estimate


def test_dummies_that_do_not_fit_into_memory_are_not_made():
    units, periods = 3000, 10
    assert units * periods * (units + periods) > MOST_NUMBERS

    class Large:
        sizes = {"obs": units * periods, "unit": units, "period": periods}  # noqa: RUF012

    assert baselines(Large()) is None


def test_the_sentence_has_both_numbers_and_blames_lasting_errors_only_where_the_card_has_them():
    both = baselines(jumped(LAST).design)
    assert both is not None
    said = baselines_text(both, 2, lasting=True)
    assert f"{both.whole:+.2f} against all periods before the onset" in said
    assert f"{both.last:.2f}".lstrip("-") in said
    assert said.endswith("against the last 3 alone, which errors that last weigh most.")
    assert baselines_text(both, 2, lasting=False).endswith("against the last 3 alone.")
