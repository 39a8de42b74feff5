"""Claims about assignments."""

from __future__ import annotations

import pickle

import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment


@pytest.fixture
def assignment() -> Assignment:
    return Assignment({"UZB": 2013, "KAZ": 2015, "MNG": None, "SRB": None})


def test_units_keep_the_order_in_which_they_were_given(assignment):
    assert assignment.units == ("UZB", "KAZ", "MNG", "SRB")
    assert assignment.treated_units == ("UZB", "KAZ")
    assert assignment.never_treated == ("MNG", "SRB")
    assert assignment.onsets == (2013, 2015)


def test_a_shift_moves_every_onset_and_no_control(assignment):
    assert dict(assignment.shift(-5).first_treated) == {"UZB": 2008, "KAZ": 2010, "MNG": None, "SRB": None}
    assert assignment.shift(-5).shift(5) == assignment


def test_a_swap_treats_exactly_the_given_units(assignment):
    swapped = assignment.swap(["SRB"], 2013)
    assert dict(swapped.first_treated) == {"UZB": None, "KAZ": None, "MNG": None, "SRB": 2013}
    assert assignment.swap("SRB", 2013) == swapped


def test_drop_and_restrict_are_each_other_s_complement(assignment):
    assert assignment.drop(["KAZ", "SRB"]) == assignment.restrict(["MNG", "UZB"])
    assert assignment.restrict(["MNG", "UZB"]).units == ("UZB", "MNG")


@pytest.mark.parametrize("method", ["drop", "restrict"])
def test_an_unknown_unit_is_refused_with_the_nearest_known_one(assignment, method):
    with pytest.raises(InputError, match='unit "KZA" is not in the assignment; did you mean "KAZ"'):
        getattr(assignment, method)(["KZA"])


def test_a_fake_treated_unit_must_be_in_the_assignment(assignment):
    with pytest.raises(InputError, match='unit "CHN" is not in the assignment'):
        assignment.swap(["CHN"], 2013)


def test_no_method_changes_the_assignment_and_nobody_else_can(assignment):
    given = {"A": 2013, "B": None}
    fixed = Assignment(given)
    given["B"] = 2013
    assert fixed.first_treated["B"] is None
    with pytest.raises(TypeError, match="does not support item assignment"):
        assignment.first_treated["MNG"] = 2013
    with pytest.raises(AttributeError, match="cannot assign to field"):
        assignment.first_treated = {}


def test_equal_assignments_have_one_hash_and_survive_a_pickle(assignment):
    reordered = Assignment(dict(reversed(assignment.first_treated.items())))
    assert reordered == assignment
    assert len({reordered, assignment, pickle.loads(pickle.dumps(assignment))}) == 1
    assert assignment.shift(1) != assignment
