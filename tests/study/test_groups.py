"""Claims about the table [groups] of a study: units that may share shocks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.data.unit_groups import with_groups
from bri_bayes.design.analysis import Analysis
from bri_bayes.study.model_card import load_card
from bri_bayes.study.study_file import Study, load_study

CSV = """country,year,y,region
KAZ,2003,1,Central
KAZ,2004,2,Central
UZB,2003,2,Central
UZB,2004,2,Central
MNG,2003,1,East
MNG,2004,3,East
BLR,2003,2,
BLR,2004,4,
"""
TOML = """title = "t"
[panel]
kind = "user"
file = "panel.csv"
unit = "country"
period = "year"
[assignment]
treated = ["KAZ", "UZB"]
controls = [{controls}]
onset = 2004
[outcomes.y]
column = "y"
"""


def study_with(tmp_path: Path, groups: str, controls: str = '"MNG"') -> Study:
    (tmp_path / "panel.csv").write_text(CSV)
    (tmp_path / "study.toml").write_text(TOML.format(controls=controls) + groups)
    return load_study(tmp_path)


@pytest.mark.parametrize(
    ("groups", "names"),
    [
        ('[groups]\ncolumn = "region"\n', ["Central", "East", "Central"]),
        ('[groups]\nstandard = "m49"\n', ["Central Asia", "Eastern Asia", "Central Asia"]),
        ('[groups.units]\nwest = ["KAZ"]\neast = ["MNG", "UZB"]\n', ["west", "east", "east"]),
    ],
)
def test_a_study_groups_its_units_by_a_column_by_the_un_or_by_lists(tmp_path, groups, names):
    study = study_with(tmp_path, groups)
    assert study.load()["group"].to_numpy().tolist() == names
    assert study.load_pool().sel(unit=["KAZ", "MNG", "UZB"])["group"].to_numpy().tolist() == names


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("[groups]\n", "needs one of column, standard"),
        ('[groups]\ncolumn = "region"\nstandard = "m49"\n', "not column and standard"),
        ('[groups]\nstandard = "m48"\n', "m49"),
        ('[groups.units]\na = ["KAZ"]\nb = ["KAZ"]\n', '"KAZ" is in the groups "a" and "b"'),
        ("[groups.units]\na = []\n", 'the group "a" needs a name and at least one unit'),
    ],
)
def test_groups_that_cannot_be_meant_are_refused_in_a_sentence(tmp_path, groups, said):
    with pytest.raises(InputError, match=said):
        study_with(tmp_path, groups)


def test_a_unit_that_is_compared_needs_a_group(tmp_path):
    with pytest.raises(InputError, match=r'\[groups\] gives no group to "BLR"'):
        study_with(tmp_path, '[groups]\ncolumn = "region"\n', '"MNG", "BLR"').load()
    with pytest.raises(InputError, match=r'\[groups\] gives no group to "UZB"'):
        study_with(tmp_path, '[groups.units]\na = ["KAZ"]\nb = ["MNG"]\n').load()


def test_a_listed_unit_that_the_file_does_not_have_is_refused(tmp_path):
    study = study_with(tmp_path, '[groups.units]\na = ["KAZ", "UZB"]\nb = ["MNG", "BRL"]\n')
    with pytest.raises(InputError, match='the group "b" has "BRL"; did you mean "BLR"'):
        study.load_pool()


def test_other_groups_are_another_analysis_for_a_card_with_shocks_alone():
    panel, _ = simulate_panel(
        assignment := Assignment({"A": 2005, "B": 2005, "C": None, "D": None}), range(2000, 2010), seed=0
    )
    recipes = [
        Analysis(with_groups(panel, groups), assignment, dataclasses.replace(load_card("did"), outcome="y"))
        for groups in ({"A": "x", "B": "x"}, {"A": "x", "B": "y"})
    ]
    assert len({recipe.digest for recipe in recipes}) == 1
    shared = dataclasses.replace(load_card("did_shared"), outcome="y")
    assert len({recipe.replace(card=shared).digest for recipe in recipes}) == 2
