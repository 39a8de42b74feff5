"""What must not depend on units of measurement, names, order, or a country without data."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.effects import att, att_by
from bri_bayes.inference import fit

from .panels import make_card, make_panel

# The search for the mode stops at a change of 1e-5 in the log density, so rounding may end it one step apart.
SEARCH = 1e-4
seeds = st.integers(0, 10_000)
few = settings(max_examples=12)


def effect(panel, assignment, **changes):
    return att(fit(Analysis(panel, assignment, make_card(**changes)), pointwise=False))


def spread(draws):
    return float(draws.std())


@few
@given(seeds, st.sampled_from([1e-6, 0.01, 100.0, 1e6]), st.sampled_from([0.0, -1000.0, 7.0]))
def test_the_att_scales_with_the_outcome_and_ignores_a_constant(seed, factor, constant):
    panel, assignment = make_panel(seed)
    first = effect(panel, assignment)
    changed = effect(panel.assign(y=panel["y"] * factor + constant * factor), assignment)
    assert changed.to_numpy() / factor == pytest.approx(first.to_numpy(), abs=SEARCH * spread(first))


@few
@given(seeds, st.sampled_from([0.001, 250.0]))
def test_the_att_ignores_the_units_of_a_covariate(seed, factor):
    panel, assignment = make_panel(seed)
    first = effect(panel, assignment, covariates=("x",))
    changed = effect(panel.assign(x=panel["x"] * factor - 3), assignment, covariates=("x",))
    assert changed.to_numpy() == pytest.approx(first.to_numpy(), abs=SEARCH * spread(first))


@few
@given(seeds, st.permutations(list(range(6))))
def test_names_and_order_of_countries_do_not_move_the_posterior_mean(seed, order):
    panel, assignment = make_panel(seed)
    names = {f"U{i}": f"N{order[i]}" for i in range(6)}
    renamed = panel.assign_coords(unit=[names[u] for u in panel["unit"].values]).sortby("unit")
    again = Assignment({names[unit]: first for unit, first in assignment.first_treated.items()})
    first, changed = effect(panel, assignment), effect(renamed, again)
    # The same hyperparameters are drawn, but coefficients get other innovations: the mean is exact, the sd is not.
    assert float(changed.mean()) == pytest.approx(float(first.mean()), abs=SEARCH * spread(first))
    assert spread(changed) == pytest.approx(spread(first), rel=0.1)


@few
@given(seeds)
def test_a_control_without_data_changes_no_bit(seed):
    panel, assignment = make_panel(seed)
    empty = xr.full_like(panel.isel(unit=[0]), np.nan).assign_coords(unit=["ZZZ"])
    wider = xr.concat([panel, empty], "unit")
    first = effect(panel, assignment)
    changed = effect(wider, Assignment({**assignment.first_treated, "ZZZ": None}))
    assert changed.to_numpy().tobytes() == first.to_numpy().tobytes()


@few
@given(seeds)
def test_countries_share_their_effects_between_no_pooling_and_one_effect(seed):
    """Partial pooling puts the spread of country effects between that of one common effect (none) and of no pooling."""
    panel, assignment = make_panel(seed, holes=False)
    spreads = []
    for pooling in ("partial", "none"):
        card = make_card(effects={"treatment": "by_unit", "pooling": pooling})
        by_unit = att_by(fit(Analysis(panel, assignment, card), pointwise=False), "unit")
        spreads.append(float(by_unit.mean(("chain", "draw")).std()))
    assert 0 <= spreads[0] <= spreads[1] * (1 + SEARCH)
