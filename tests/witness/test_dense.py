"""Each kind of card against the dense witness: density of y and moments of the ATT at random hyperparameters."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict

import numpy as np
import pytest
import xarray as xr

from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.data.unit_groups import with_groups
from bri_bayes.design.design import build_design
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.linear_estimands import att_weights, effect_functionals
from bri_bayes.study.model_card import Contamination, Effects, Errors, ModelCard, Shocks, load_card, model_names
from tests.witness.dense import Rectangle, witness

# Both sides solve systems of about 150 rows whose condition is some 1e6.
TOLERANCE = 1e-7
CARDS = [name for name in model_names() if (card := load_card(name)).is_marginal and card.formula is None]


def ragged_panel(seed: int = 0) -> tuple[xr.Dataset, Assignment]:
    """Eight units, two onsets, a late and an early starter, gaps, two covariates and a modifier."""
    onsets = {"A": 2008, "B": 2008, "C": 2010, "D": None, "E": None, "F": None, "G": 2010, "H": None}
    assignment = Assignment(onsets)
    panel, _ = simulate_panel(
        assignment, range(2001, 2017), effect=[0.1, 0.3, 0.2], covariates={"x1": 0.3, "x2": -0.2, "z": 0.1}, seed=seed
    )
    y = panel["y"].transpose(UNIT, PERIOD).to_numpy().copy()
    y[1, 3], y[2, 11], y[4, 5:8], y[7, :4], y[3, 14:], y[0, 10] = (np.nan,) * 6
    return panel.assign(y=((UNIT, PERIOD), y)), assignment


def rectangle(panel: xr.Dataset, assignment: Assignment, card: ModelCard) -> Rectangle:
    names = panel[UNIT].to_numpy().astype(str)
    since = card.contamination.since if card.contamination else {}

    def year(value: int | None) -> float:
        return np.nan if value is None else float(value)

    def stack(columns: tuple[str, ...]) -> np.ndarray:
        shape = panel.sizes[UNIT], panel.sizes[PERIOD]
        return np.stack([panel[c].transpose(UNIT, PERIOD).to_numpy() for c in columns] or [np.zeros(shape)], axis=-1)

    return Rectangle(
        panel["y"].transpose(UNIT, PERIOD).to_numpy(),
        panel[PERIOD].to_numpy().astype(float),
        np.array([year(assignment.first_treated[name]) for name in names]),
        stack(card.covariates),
        stack(card.modifiers),
        np.array([year(since.get(name)) for name in names]),
        group_numbers(panel, assignment),
    )


def group_numbers(panel: xr.Dataset, assignment: Assignment) -> np.ndarray:
    """The number of each unit's group, -1 for none; without groups in the panel the treated units are one."""
    names = panel[UNIT].to_numpy().astype(str)
    if "group" not in panel.coords:
        return np.array([-1 if assignment.first_treated[name] is None else 0 for name in names])
    labels = panel["group"].to_numpy().astype(str)
    return np.array([-1 if label == "" else list(labels).index(label) for label in labels])


def changed(name: str, **changes: object) -> ModelCard:
    """A shipped card on the outcome y with other effects, errors or roles."""
    card = load_card(name)
    tables = {"effects": Effects, "errors": Errors}
    parts = {
        key: dataclasses.replace(getattr(card, key), **value) if key in tables else value  # type: ignore[arg-type]
        for key, value in changes.items()
    }
    return dataclasses.replace(card, outcome="y", **parts)


REGIONS = {"A": "north", "B": "north", "C": "south", "D": "south", "E": "east", "F": "east", "G": "north"}
SPILL = Contamination(since={"D": 2009, "F": 2011})
VARIATIONS = {
    **{name: changed(name) for name in CARDS},
    "covariates": changed("did", covariates=("x1", "x2")),
    "covariates, correlated periods": changed("did_correlated", covariates=("x1", "x2")),
    "correlated periods, by unit": changed("did_correlated", effects={"treatment": "by_unit"}),
    "modifier": changed("did", modifiers=("z",)),
    "modifier by unit": changed("did", modifiers=("z",), effects={"modifier_slopes": "by_unit"}),
    "modifier by unit, correlated": changed("did_correlated", modifiers=("z",), effects={"modifier_slopes": "by_unit"}),
    "window": changed("did", effects={"window": (-3, 4)}),
    "window of an event study": changed("event_study", effects={"window": (-4, 3)}),
    "leads of all units": changed("event_study", effects={"treatment": "event_time"}),
    "no pooling": changed("did", effects={"pooling": "none"}),
    "no pooling over event time": changed("did_event_time", effects={"pooling": "none"}),
    "no pooling over units": changed("did_by_unit", effects={"pooling": "none"}),
    "no pooling, leads": changed("event_study", effects={"pooling": "none"}),
    "drift of a fixed sd": changed("did_group_walk", effects={"trend_sd": 0.2}),
    "trends and scales by unit": changed("did_trend", errors={"scale": "by_unit"}),
    "contamination, share learned": changed("did", contamination=SPILL),
    "contamination, share fixed": changed("did", contamination=dataclasses.replace(SPILL, share=0.4)),
    "contamination, window": changed("did", contamination=SPILL, effects={"window": (-3, 2)}),
    "contamination over event time": changed("did_event_time", contamination=SPILL),
    "iid by unit": changed("did_iid", errors={"scale": "by_unit"}),
    "noise": changed("did", errors={"structure": "ar1_noise"}),
    "noise by unit, covariates": changed(
        "did", covariates=("x1",), errors={"structure": "ar1_noise", "scale": "by_unit"}
    ),
    "noise, contamination": changed("did", contamination=SPILL, errors={"structure": "ar1_noise"}),
    **{
        f"{process} shocks of {structure} errors": changed(
            "did", shocks=Shocks(process), errors={"structure": structure}, covariates=("x1",)
        )
        for process in ("like_errors", "ar1", "random_walk")
        for structure in ("iid", "ar1", "ar1_noise", "random_walk")
    },
    "shocks, scales by unit": changed("did", shocks=Shocks("like_errors"), errors={"scale": "by_unit"}),
    "shocks, contamination": changed("did", shocks=Shocks("random_walk"), contamination=SPILL),
    "shocks, trends": changed("did_trend", shocks=Shocks("ar1")),
    "anticipation": changed("did", effects={"anticipation": 2}),
}
GROUPED = [name for name, card in VARIATIONS.items() if card.shocks.process != "none"]


@pytest.mark.parametrize("name", VARIATIONS)
def test_the_closed_form_agrees_with_a_dense_gaussian_that_shares_no_code(name: str) -> None:
    agrees(VARIATIONS[name], *ragged_panel())


@pytest.mark.parametrize("name", GROUPED)
def test_shocks_of_named_regions_agree_with_the_dense_gaussian(name: str) -> None:
    panel, assignment = ragged_panel()
    agrees(VARIATIONS[name], with_groups(panel, REGIONS), assignment)


def agrees(card: ModelCard, panel: xr.Dataset, assignment: Assignment) -> None:
    """Density of the outcome, mean and sd of the ATT at four random points of the hyperparameters."""
    design = build_design(panel, assignment, card)
    model = Collapsed.build(design, card)
    vectors = np.random.default_rng(5).normal(model.space.start(), 0.7, (4, model.space.dimension))
    hyper = model.space.values(vectors)
    density, means, sds = model.given(vectors, effect_functionals(model.terms, att_weights(design, card)[None, :]))
    density = density - model.space.log_prior(vectors)
    scale = design.attrs["y_scale"]
    for point in range(len(vectors)):
        at = {key: value[point] for key, value in hyper.items()}
        expected = witness(rectangle(panel, assignment, card), asdict(card), at)
        computed = density[point], means[point, 0] * scale, sds[point, 0] * scale
        np.testing.assert_allclose(computed, expected, rtol=TOLERANCE, atol=TOLERANCE)
