"""Is the truth's rank among posterior draws uniform? The statistic on known ranks, the page, and a new simulation."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bri_bayes.calibration import golden_assignment
from bri_bayes.card import load_card
from bri_bayes.design import build_design
from bri_bayes.engines import marginal
from bri_bayes.rank_calibration import DRAWS, band_of, prior_ranks, rank_table
from bri_bayes.simulate import simulate_panel

from .engines.panels import make_card, make_panel

PAGE = Path(__file__).resolve().parents[1] / "docs" / "calibration.md"
# Uniform ranks stray this far once in a thousand sets; with twenty parameters, once in fifty runs of other seeds.
RARE = 1e-3


def rows_of_the_page():
    text = PAGE.read_text(encoding="utf-8").split("<!-- ranks -->")[1].split("<!-- end ranks -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]


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
    drawn = marginal._draw

    def narrow(*arguments):
        values = drawn(*arguments)
        return values | {"sigma": 0.5 * values["sigma"]}

    right, khat = prior_ranks(design, card, panels=60, seed=3)
    monkeypatch.setattr(marginal, "_draw", narrow)
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


@pytest.mark.calibration
@pytest.mark.parametrize("name", ["did", "did_trend"])
def test_ranks_of_new_panels_from_the_prior_are_uniform(name):
    assignment, periods = golden_assignment()
    panel, _ = simulate_panel(assignment, periods, seed=0)
    card = dataclasses.replace(load_card(name), outcome="y")
    ranks, khat = prior_ranks(build_design(panel, assignment, card), card, panels=600, seed=99)
    table = rank_table(ranks, khat)
    assert table["p"].min() > RARE, table
    assert table["khat_above"].max() < 0.02
