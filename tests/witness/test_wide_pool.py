"""The closed form of a wide pool of regions: against the dense witness and the general engine; recovery of a truth."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import xarray as xr

from bri_bayes.core.names import GROUP, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_errors, simulate_panel
from bri_bayes.data.unit_groups import with_groups
from bri_bayes.design.design import build_design
from bri_bayes.inference.att import att_given
from bri_bayes.inference.importance import smooth_weights
from bri_bayes.inference.wide_pool import WidePool, WidePosterior, covers_wide, wide_posterior
from bri_bayes.study.model_card import Errors, ModelCard, Shocks, load_card
from tests.witness.dense import witness
from tests.witness.test_dense import TOLERANCE, rectangle

PROCESSES, STRUCTURES = ("none", "like_errors", "ar1", "random_walk"), ("iid", "ar1", "ar1_noise", "random_walk")
# Simulated worlds: 12 regions of 4 units, the first treated. Bounds hold for 4.5 standard errors.
WORLDS, REGIONS, SIZE, YEARS, ONSET, TRUE_EFFECT, TRUE_RATIO = 15, 12, 4, 8, 4, 0.5, 0.7
LEAST_COVERED = 11


def card_of(process: str, structure: str) -> ModelCard:
    return dataclasses.replace(load_card("did"), outcome="y", errors=Errors(structure), shocks=Shocks(process))


def small_pool() -> tuple[xr.Dataset, Assignment]:
    """Nine units in regions of three, two, two and one, and one without a region; the first region is treated."""
    assignment = Assignment({unit: 2006 if unit in "ABC" else None for unit in "ABCDEFGHI"})
    panel, _ = simulate_panel(assignment, [2001, 2002, 2003, 2005, 2006, 2007, 2009], effect=[0.1, 0.4], seed=3)
    regions = dict(zip("ABCDEFGH", "www" + "nn" + "ss" + "e", strict=True))
    return with_groups(panel, regions), assignment


@pytest.mark.parametrize(("process", "structure"), list(itertools.product(PROCESSES, STRUCTURES)))
def test_averages_of_regions_say_what_a_dense_gaussian_of_all_cells_says(process: str, structure: str) -> None:
    panel, assignment = small_pool()
    card = card_of(process, structure)
    design = build_design(panel, assignment, card)
    assert covers_wide(design, card)
    model = WidePool.build(design, card)
    vectors = np.random.default_rng(6).normal(model.space.start(), 0.7, (3, model.space.dimension))
    density, means, sds = model.given(vectors)
    scale, hyper = design.attrs["y_scale"], model.space.values(vectors)
    prior = model.space.log_prior(vectors)
    for point in range(len(vectors)):
        at = {key: value[point] for key, value in hyper.items()}
        expected = witness(rectangle(panel, assignment, card), dataclasses.asdict(card), at)
        computed = density[point] - prior[point], means[point] * scale, sds[point] * scale
        np.testing.assert_allclose(computed, expected, rtol=TOLERANCE, atol=TOLERANCE)
    general = att_given(design, card, vectors)
    np.testing.assert_allclose(density, general[0], rtol=TOLERANCE)
    np.testing.assert_allclose(means * scale, general[1], rtol=TOLERANCE)


@pytest.mark.parametrize("change", ["gap", "two onsets", "a control in the treated region", "scales by unit"])
def test_what_averages_cannot_say_is_left_to_the_general_engine(change: str) -> None:
    panel, assignment = small_pool()
    card = card_of("like_errors", "ar1")
    if change == "gap":
        panel = panel.assign(y=panel["y"].where(~((panel["unit"] == "D") & (panel["period"] == 2003))))
    if change == "two onsets":
        assignment = Assignment({**assignment.first_treated, "A": 2007})
    if change == "a control in the treated region":
        panel = panel.assign_coords({GROUP: (UNIT, np.array(list("wwwwnssee")))})
    if change == "scales by unit":
        card = dataclasses.replace(card, errors=Errors("ar1", "by_unit"))
    assert not covers_wide(build_design(panel, assignment, card), card)


@pytest.fixture(scope="module")
def worlds() -> list[WidePosterior]:
    """The posterior in each simulated world."""
    rng = np.random.default_rng(11)
    units = [f"{region:02d}-{i}" for region in range(REGIONS) for i in range(SIZE)]
    assignment = Assignment({unit: 2000 + ONSET if unit.startswith("00") else None for unit in units})
    template, _ = simulate_panel(assignment, range(2000, 2000 + YEARS), seed=1)
    template = with_groups(template, {unit: unit[:2] for unit in units})
    posteriors = []
    for world in range(WORLDS):
        errors = simulate_errors(rng, (REGIONS * SIZE, YEARS), rho=0.6)
        shocks = TRUE_RATIO * simulate_errors(rng, (REGIONS, YEARS), rho=0.6)
        y = errors + np.repeat(shocks, SIZE, axis=0)
        y[:SIZE, ONSET:] += TRUE_EFFECT
        panel = template.assign(y=(("unit", "period"), y))
        card = card_of("like_errors", "ar1")
        card = dataclasses.replace(card, sampler=dataclasses.replace(card.sampler, proposals=256))
        posteriors.append(wide_posterior(build_design(panel, assignment, card), card, world))
    return posteriors


def test_the_effect_and_its_interval_are_right_on_simulated_pools(worlds: list[WidePosterior]) -> None:
    effects = [world.mixture.effects()[0] for world in worlds]
    score = [(effect.mean - TRUE_EFFECT) / effect.sd for effect in effects]
    assert abs(np.mean(score)) < 4.5 / np.sqrt(WORLDS)
    assert sum(effect.lower < TRUE_EFFECT < effect.upper for effect in effects) >= LEAST_COVERED


def test_the_sd_of_shocks_is_learned_from_the_regions_that_were_not_treated(worlds: list[WidePosterior]) -> None:
    prior = [world.log_normal("shock_ratio") for world in worlds]
    score = [(np.log(TRUE_RATIO) - np.log(median)) / spread for median, spread in prior]
    assert abs(np.mean(score)) < 4.5 / np.sqrt(WORLDS)
    assert sum(abs(value) < 1.96 for value in score) >= LEAST_COVERED
    assert max(spread for _, spread in prior) < 0.4  # HalfNormal(1), the prior, has a logarithm of sd 1.1


def test_what_was_taught_of_the_sd_is_the_mean_and_sd_of_its_logarithm(worlds: list[WidePosterior]) -> None:
    world = worlds[0]
    weights, _ = smooth_weights(world.points.log_ratios)
    logs = np.log(world.hyper["shock_ratio"])
    median, spread = world.log_normal("shock_ratio")
    assert np.log(median) == pytest.approx(np.average(logs, weights=weights), abs=1e-9)
    assert spread == pytest.approx(np.sqrt(np.cov(logs, aweights=weights, ddof=0)), abs=1e-9)
