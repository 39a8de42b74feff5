"""Is the truth's rank among posterior draws uniform? The statistic on known ranks, the page, and a new simulation."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.design import build_design
from bri_bayes.evaluation import rank_calibration
from bri_bayes.evaluation.rank_calibration import DRAWS, band_of, nuts_ranks, prior_ranks, rank_table
from bri_bayes.evaluation.scenarios import golden_assignment
from bri_bayes.inference import marginal
from bri_bayes.inference.nuts import sample_nuts, sampler_of_outcomes
from bri_bayes.study.model_card import Effects, Errors, Sampler, load_card

from ..inference.panels import make_card, make_panel

PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
# Uniform ranks stray this far once in a thousand sets; with twenty parameters, once in fifty runs of other seeds.
RARE = 1e-3


# Paired differences of the two engines' ranks have a Monte Carlo error alone: this many of them is never chance.
ERRORS = 4.5


def rows_of_the_page(name="ranks"):
    text = PAGE.read_text(encoding="utf-8").split(f"<!-- {name} -->")[1].split(f"<!-- end {name} -->")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def card_and_design(name="did"):
    assignment, periods = golden_assignment()
    panel, _ = simulate_panel(assignment, periods, seed=0)
    card = dataclasses.replace(load_card(name), outcome="y")
    return card, build_design(panel, assignment, card)


def test_uniform_ranks_lie_inside_the_band_as_often_as_it_says(rng):
    sets = {f"set {i}": rng.integers(0, DRAWS + 1, 400) for i in range(200)}
    table = rank_table(sets, np.zeros(400))
    assert table["inside"].mean() == pytest.approx(0.95, abs=4 * np.sqrt(0.05 * 0.95 / 200))
    lower, upper = band_of(400)
    assert (lower < 0).all()
    assert (upper > 0).all()


@pytest.mark.parametrize(
    ("name", "share"),
    [("shifted", lambda u: u**1.3), ("too narrow", lambda u: 0.5 + 0.5 * np.sign(u - 0.5) * np.abs(2 * u - 1) ** 0.7)],
)
def test_a_wrong_posterior_leaves_the_band(name, share, rng):
    ranks = (share(rng.random(1000)) * (DRAWS + 1)).astype(int).clip(0, DRAWS)
    row = rank_table({name: ranks}, np.zeros(1000)).iloc[0]
    assert not row["inside"]
    assert row["p"] < RARE
    assert row["mean"] < 0.47 if name == "shifted" else row["spread"] > 1.05


def test_an_engine_with_an_error_is_found_in_60_panels(monkeypatch):
    """The posterior of a model whose errors are taken as half as large."""
    card = make_card()
    design = build_design(*make_panel(holes=False), card)
    drawn = marginal.draw_pairs

    def narrow(*arguments):
        values = drawn(*arguments)
        return values | {"sigma": 0.5 * values["sigma"]}

    right, khat = prior_ranks(design, card, panels=60, seed=3)
    monkeypatch.setattr(marginal, "draw_pairs", narrow)
    wrong, _ = prior_ranks(design, card, panels=60, seed=3)
    assert rank_table(right, khat).set_index("parameter").loc["sigma", "p"] > RARE
    assert rank_table(wrong, khat).set_index("parameter").loc["sigma", "p"] < RARE


def test_on_the_page_every_card_is_calibrated():
    rows = rows_of_the_page()
    assert {card for card, *_ in rows} == {"`did`", "`did_correlated`", "`did_scale_by_unit`"}
    assert {"att", "sigma", "rho", "omega", "eta"} <= {parameter for _, parameter, *_ in rows}
    chances = np.array([float(cells[6]) for cells in rows])
    assert chances.min() > RARE
    assert (chances < 0.05).mean() < 0.15
    assert all(int(cells[7]) == 1000 and float(cells[8]) < 0.01 for cells in rows)


def test_on_the_page_nuts_ranks_as_the_closed_form_does_and_only_sigma_leaves_the_band():
    """sigma does on these panels, with the closed form too, which does not on all 1,000: the page says so."""
    rows = rows_of_the_page("nuts ranks")
    closed = {parameter for card, parameter, *_ in rows_of_the_page() if card == "`did`"}
    assert {parameter for _, parameter, *_ in rows} == closed
    assert {parameter for _, parameter, *rest in rows if float(rest[4]) < 0.05} == {"sigma"}
    for cells in rows:
        difference, error = map(float, cells[7].split("±"))
        assert abs(difference) < ERRORS * error, cells


@pytest.mark.calibration
@pytest.mark.parametrize("name", ["did", "did_trend"])
def test_ranks_of_new_panels_from_the_prior_are_uniform(name):
    card, design = card_and_design(name)
    ranks, khat = prior_ranks(design, card, panels=600, seed=99)
    table = rank_table(ranks, khat)
    assert table["p"].min() > RARE, table
    assert table["khat_above"].max() < 0.02


@pytest.mark.calibration
@pytest.mark.nuts
def test_nuts_ranks_of_new_panels_are_uniform_and_those_of_a_wrong_prior_are_not(monkeypatch):
    """Right on the prior that made the panels; wrong where the sampler's model has effects a tenth as wide."""
    card, design = card_and_design()
    ranks, ess, _ = nuts_ranks(design, card, panels=20, seed=99)
    assert rank_table(ranks)["p"].min() > RARE, rank_table(ranks)
    assert np.median(ess) > DRAWS

    def with_a_narrow_prior(design, card):
        narrow = {name: getattr(card.priors, name) / 10 for name in ("effect", "effect_step", "effect_unit")}
        priors = dataclasses.replace(card.priors, **narrow)
        return sampler_of_outcomes(design, dataclasses.replace(card, priors=priors))

    monkeypatch.setattr(rank_calibration, "sampler_of_outcomes", with_a_narrow_prior)
    ranks, _, _ = nuts_ranks(design, card, panels=16, seed=99)
    table = rank_table(ranks).set_index("parameter")
    assert table.loc["att", "p"] < RARE
    assert not table.loc["att", "inside"]


@pytest.mark.nuts
def test_a_sampler_of_outcomes_draws_what_the_engine_draws_and_a_second_outcome_is_not_the_first():
    sampler = Sampler(chains=2, draws=100, tune=200)
    card = make_card(effects=Effects(treatment="common"), errors=Errors("iid"), sampler=sampler)
    design = build_design(*make_panel(holes=False), card)
    y = (design["y"].to_numpy() - design.attrs["y_center"]) / design.attrs["y_scale"]
    sample = sampler_of_outcomes(design, card)
    sample(3.0 * y, 5)
    again, _ = sample(y, 5)
    once, _ = sample_nuts(design, card, 5)
    assert set(again) == set(once)
    # Draw for draw the same where rounding is the same; elsewhere chains part, and means keep a Monte Carlo error.
    for name in once:
        error = once[name].std(axis=0) / np.sqrt(50)
        assert (np.abs(again[name].mean(axis=0) - once[name].mean(axis=0)) <= 5 * error).all(), name
    assert np.median(sample(3.0 * y, 6)[0]["sigma"]) > 2 * np.median(again["sigma"])
    with pytest.raises(ValueError, match=r"an outcome of shape \(3,\) for 60 rows"):
        sample(y[:3], 5)
