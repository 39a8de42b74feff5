"""Claims about the wide pool of regions and the placebos that treat other regions."""

from __future__ import annotations

import dataclasses
from functools import cache

import pytest

from bri_bayes.checks.placebo_region import RegionalPlacebos, regional_placebos
from bri_bayes.checks.wide_pool import WideAnswer, region_changes, wide_analysis, wide_answer, wide_problem
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.panel import Panel
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.data.unit_groups import with_groups
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.att import att_posterior
from bri_bayes.study.model_card import Sampler, load_card

TREATED, CONTROLS = ("A0", "A1", "A2"), ("B0", "C0")
POOL = (*(f"{region}{i}" for region in "BCDEFG" for i in range(3)), "H0")
EFFECT, ONSET = 1.0, 2006
CARD = dataclasses.replace(load_card("did_shared"), outcome="y", sampler=Sampler(draws=200, proposals=256))


@cache
def world() -> tuple[Analysis, Panel]:
    """Seven regions of three units and one of one, errors small against the effect on region A; the study's panel has
    two controls."""
    everyone = Assignment({unit: ONSET if unit in TREATED else None for unit in (*TREATED, *POOL)})
    panel, _ = simulate_panel(everyone, range(2002, 2010), effect=EFFECT, rho=0.3, innovation_sd=0.1, seed=4)
    pool = with_groups(panel, {unit: unit[0] for unit in everyone.units})
    return Analysis(pool, everyone.restrict([*TREATED, *CONTROLS]), CARD), pool


@pytest.fixture(scope="module")
def wide() -> WideAnswer:
    return wide_answer(*world(), POOL)


@pytest.fixture(scope="module")
def regional() -> RegionalPlacebos:
    return regional_placebos(*world(), POOL, draws=1)


def test_the_wide_pool_finds_the_effect_under_every_process_of_shocks(wide: WideAnswer) -> None:
    assert wide.units == len(TREATED) + len(POOL)
    assert [fit.process for fit in wide.fits] == ["none", "like_errors", "ar1", "random_walk"]
    assert wide.fits[0].log_bayes_factor == 0
    assert all(fit.att.lower < EFFECT < fit.att.upper for fit in wide.fits)


def test_a_pool_without_shocks_teaches_that_they_are_small_and_the_studys_interval_becomes_shorter(
    wide: WideAnswer,
) -> None:
    assert wide.taught.median < 0.5
    assert wide.informed.sd < wide.shared.sd
    analysis, _ = world()
    informed = dataclasses.replace(CARD, priors=dataclasses.replace(CARD.priors, shock=wide.taught.prior))
    assert wide.informed == att_posterior(analysis.design, informed, 0).effect


def test_the_treated_region_has_the_largest_change_and_its_rank_says_so(wide: WideAnswer) -> None:
    analysis, pool = world()
    regions = region_changes(wide_analysis(analysis, pool, POOL))
    assert [region.label for region in regions if region.treated] == ["A"]
    assert wide.rank == 1
    assert regions[0].treated
    assert wide.change_sd < 0.5 * (regions[0].change - regions[1].change)


def test_an_effect_that_no_region_shares_is_first_among_the_regions(regional: RegionalPlacebos) -> None:
    assert [row.label for row in regional.placebos] == list("BCDEFG")  # H has one unit, and three are needed
    assert regional.region == "A"
    assert regional.n == 6
    assert regional.p_value == pytest.approx(1 / 7)


def test_groups_of_one_region_have_as_many_units_as_the_study_and_controls_of_other_regions(
    regional: RegionalPlacebos,
) -> None:
    narrow = regional.narrow
    assert narrow is not None
    assert narrow.regions == narrow.n == 6
    for row in narrow.placebos:
        treated, controls = ((text or "").split(",") for text in (row.label, row.controls))
        assert {unit[0] for unit in treated} == {row.group}
        assert len(treated) == len(TREATED)
        assert len({unit[0] for unit in controls} - {row.group}) == len(CONTROLS)
    assert narrow.p_value == pytest.approx(1 / 7)
    assert 0 <= narrow.false_alarms["twfe/permutation"] <= 1


def test_no_wide_pool_is_said_in_a_clause() -> None:
    analysis, pool = world()
    assert wide_problem(analysis, pool, POOL) is None
    assert "names no groups" in str(wide_problem(analysis, pool.drop_vars("group"), POOL))
    assert "at least 4 teach" in str(wide_problem(analysis, pool, ["B0", "C0", "D0"]))
    staggered = analysis.replace(assignment=Assignment({"A0": 2005, "A1": 2006, "B0": None}))
    assert "several onsets" in str(wide_problem(staggered, pool, POOL))
