"""Which units share shocks?"""

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.data.unit_groups import members, with_groups, with_subregions
from bri_bayes.design.design import build_design
from bri_bayes.study.model_card import ModelCard

CARD = ModelCard(name="rows", title="rows", outcome="y")


def panel_of(onsets):
    assignment = Assignment(onsets)
    return simulate_panel(assignment, range(2000, 2010), seed=0)[0], assignment


def test_without_groups_in_the_panel_the_treated_units_are_one_group_and_the_others_none():
    design = build_design(*panel_of({"A": 2005, "B": 2005, "C": None, "D": None}), CARD)
    assert design["group_ix"].to_numpy().tolist() == [0, 0, -1, -1]


def test_one_treated_unit_shares_shocks_with_nobody():
    design = build_design(*panel_of({"A": 2005, "B": None, "C": None}), CARD)
    assert (design["group_ix"].to_numpy() == -1).all()


def test_groups_of_the_panel_hold_for_treated_and_controls_alike():
    panel, assignment = panel_of({"A": 2005, "B": 2005, "C": None, "D": None})
    design = build_design(with_groups(panel, {"A": "x", "B": "y", "C": "y"}), assignment, CARD)
    assert design["group"].to_numpy().tolist() == ["x", "y"]
    assert design["group_ix"].to_numpy().tolist() == [0, 1, 1, -1]


def test_countries_are_grouped_by_their_iso_code_and_other_names_are_refused():
    panel, _ = panel_of({"KAZ": 2005, "UZB": 2005, "MNG": None})
    assert with_subregions(panel)["group"].to_numpy().tolist() == ["Central Asia", "Eastern Asia", "Central Asia"]
    other, _ = panel_of({"A": 2005, "B": None})
    with pytest.raises(InputError, match='the unit "A" is no ISO code'):
        with_subregions(other)


def test_a_unit_belongs_to_one_group_that_the_panel_knows():
    assert members({"x": ("A", "B"), "y": ("C",)}, {"A", "B", "C"}, "s") == {"A": "x", "B": "x", "C": "y"}
    with pytest.raises(InputError, match='"A" is in the groups "x" and "y"'):
        members({"x": ("A",), "y": ("A",)}, {"A"}, "s")
    with pytest.raises(InputError, match='the group "x" has "Z"'):
        members({"x": ("Z",)}, {"A"}, "s")
    with pytest.raises(InputError, match="no unit of the panel has a group"):
        with_groups(panel_of({"A": 2005, "B": None})[0], {"Q": "x"})


def test_the_year_before_the_onset_is_neither_before_nor_after_with_anticipation():
    import dataclasses

    panel, assignment = panel_of({"A": 2005, "B": 2005, "C": None, "D": None})
    card = dataclasses.replace(CARD, effects=dataclasses.replace(CARD.effects, anticipation=1))
    design = build_design(panel, assignment, card)
    event_time = design["event_time"].to_numpy()
    assert -1 not in event_time[np.isfinite(event_time)]
    assert design.sizes["obs"] == 4 * 10 - 2
    assert design.attrs["rows_dropped"] == 0
