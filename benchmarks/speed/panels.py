"""On which panels is it measured? Simulated, the same for both sides of a comparison."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.study.model_card import ModelCard, load_card

EFFECT, ONSET, FIRST = 0.2, 2013, 2003
NINE = (9, 21, 5)
# Random fake groups of a wider pool, as many as the paper draws.
POOL, GROUPS, SIZE = 30, 500, 5
MILLION = 1_000_000


def analysis(
    n_units: int, n_periods: int, n_treated: int, card: str = "did", seed: int = 1, first: int = FIRST
) -> Analysis:
    """A panel of the size with AR(1) errors and an effect of 0.2, and a card on it."""
    units = [f"U{i:04d}" for i in range(n_units)]
    assignment = Assignment({unit: ONSET if i < n_treated else None for i, unit in enumerate(units)})
    periods = range(first, first + n_periods)
    panel, _ = simulate_panel(assignment, periods, effect=EFFECT, rho=0.75, innovation_sd=0.25, seed=seed)
    return Analysis(panel, assignment, on_y(load_card(card)))


def grouped(n_units: int, n_periods: int, n_treated: int, n_groups: int, card: str = "did_shared") -> Analysis:
    """The same with units in groups that share shocks, the treated ones in a group of their own."""
    plain = analysis(n_units, n_periods, n_treated, card)
    names = ["G00" if i < n_treated else f"G{1 + i % (n_groups - 1):02d}" for i in range(n_units)]
    return plain.replace(panel=plain.panel.assign_coords(group=("unit", names)))


def on_y(card: ModelCard) -> ModelCard:
    """The card for the outcome of a simulated panel."""
    return dataclasses.replace(card, outcome="y")


def frame_of(recipe: Analysis) -> pd.DataFrame:
    """The rows of a design for a peer: y, unit, period, treated (a cell), ever (a unit), post (a period)."""
    design = recipe.design
    frame = design[["y", "unit_ix", "period_ix", "treated"]].to_dataframe().reset_index(drop=True)
    ever = np.isfinite(design["first_treated"].to_numpy())[frame["unit_ix"]]
    period = design["period"].to_numpy()[frame["period_ix"]]
    return pd.DataFrame({
        "y": frame["y"], "unit": frame["unit_ix"], "period": period, "treated": frame["treated"].astype(float),
        "ever": ever.astype(int), "post": (period >= ONSET).astype(int),
    })  # fmt: skip


def fake_groups() -> np.ndarray:
    """Random groups of the pool, true where treated : (group, unit)."""
    rng = np.random.default_rng(0)
    chosen = np.argsort(rng.random((GROUPS, POOL)), axis=1)[:, :SIZE]
    groups = np.zeros((GROUPS, POOL), dtype=bool)
    np.put_along_axis(groups, chosen, values=True, axis=1)
    return groups


def as_treated(frame: pd.DataFrame, group: np.ndarray) -> pd.DataFrame:
    """The rows of ``frame_of`` had the units of ``group`` (unit,) been treated."""
    return frame.assign(treated=(group[frame["unit"]] & (frame["period"] >= ONSET)).astype(float))


def year_of_trade(rows: int = MILLION, seed: int = 1) -> pd.DataFrame:
    """Rows like those of a country at six digits in one year: few partners trade most of 6,500 products."""
    rng = np.random.default_rng(seed)
    products, partners = 6_500, 200
    chance = np.minimum(1.0, 2.6 * rng.beta(0.5, 1.2, partners))
    traded = np.stack([rng.uniform(size=(partners, products)) < chance[:, None] * s for s in (1.0, 0.6)])
    cells = np.flatnonzero(traded.ravel())
    cells = np.sort(rng.permutation(cells)[:rows])
    trade = pd.DataFrame({"period": 2015, "unit": cells // products, "product": (cells % products).astype(str)})
    quantity = rng.lognormal(3, 2, len(trade))
    return trade.assign(quantity=quantity, value=quantity * rng.lognormal(1, 1, len(trade)))
