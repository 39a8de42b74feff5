import json

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.paper import load_published
from bri_bayes.paper.matched_did import psm_did
from bri_bayes.paper.reconstruction import VERSIONS, reconstruct, reconstructions
from bri_bayes.paper.replicate import fit_statistics, replicate, run_regressions, standard_errors

from .changed import changed

KEYS = ["table", "column", "variable", "published", "decimals", "reproduced", "agrees"]
# The first regressor of Table 3 (1) and (4) and of every column of Tables 5 to 7: see decision 4.
MATCHED_ERRORS = {(3, 1, "BRI"), (3, 4, "BRI")}


@pytest.fixture(scope="module")
def paper():
    return load_published()


@pytest.fixture(scope="module")
def panels():
    return {version: reconstruct(version) for version in VERSIONS}


@pytest.fixture(scope="module")
def runs(paper, panels):
    return run_regressions(paper, panels)


@pytest.mark.published
def test_there_is_an_entry_for_every_published_coefficient_and_all_agree(paper, panels):
    entries = replicate(paper, panels)
    assert [(e["table"], e["column"], e["variable"]) for e in entries] == list(paper.cells)
    assert len(entries) == 130
    for entry in entries:
        assert list(entry) == KEYS
        assert entry["agrees"], entry
        assert entry["reproduced"] == entry["published"]
    assert json.loads(json.dumps(entries, allow_nan=False)) == entries


@pytest.mark.published
def test_the_r_squared_of_tables_3_and_5_comes_back_and_the_others_stand_beside(paper, runs):
    statistics = fit_statistics(paper, runs)
    assert [(s["table"], s["column"]) for s in statistics] == [r.key for r in paper.regressions()]
    for cell_of in statistics:
        assert cell_of["rows"] == cell_of["observations"] == 6111
        assert ("overall" in cell_of["agrees"]) == (cell_of["table"] in (3, 5))
        assert (cell_of["published"] is None) == (cell_of["table"] == 7)
        assert 0 < cell_of["within"] < cell_of["overall"] < 1


@pytest.mark.published
def test_the_standard_errors_that_agree_are_those_that_the_reconstruction_solves_for(paper, runs):
    errors = standard_errors(paper, runs)
    agreeing = {(e["table"], e["column"], e["variable"]) for e in errors if e["agrees"]}
    first = {(*r.key, r.variables[0]) for r in paper.regressions() if r.table in (5, 6, 7)}
    assert agreeing == MATCHED_ERRORS | first
    assert all(e["agrees"] == ["ordinary"] for e in errors if e["agrees"])
    assert all(e["ordinary"] > 0 and e["clustered"] > 0 for e in errors)


@pytest.mark.parametrize("key", [(3, 3, "BRI"), (4, 2, "growth"), (6, 1, "policy"), (8, 1, "BRI_x_inequality")])
@pytest.mark.parametrize("units", [1, -1])
def test_one_changed_coefficient_changes_exactly_its_own_entry(paper, panels, key, units):
    other = changed(paper, key, units)
    before, after = replicate(paper, panels), replicate(other, reconstructions(other))
    different = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert [(b["table"], b["column"], b["variable"]) for _, b in different] == [key]
    (_, entry), *_ = different
    assert entry["published"] == other.cells[key].estimate.value
    assert all(e["agrees"] for e in after)


@pytest.mark.calibration
@pytest.mark.parametrize("units", [1, -1])
def test_every_one_digit_change_of_a_coefficient_moves_its_own_entry_and_the_digest_alone(paper, panels, units):
    before = replicate(paper, panels)
    for key in paper.cells:
        other = changed(paper, key, units)
        rebuilt = reconstructions(other)
        after = replicate(other, rebuilt)
        assert [(b["table"], b["column"], b["variable"]) for a, b in zip(before, after, strict=True) if a != b] == [key]
        assert all(entry["agrees"] for entry in after)
        assert any(rebuilt[v].attrs["digest"] != panels[v].attrs["digest"] for v in panels)
        assert all(entry["inside"] for entry in psm_did(other, rebuilt["main"]))


def test_a_coefficient_that_the_panel_does_not_have_does_not_agree(paper, panels):
    entries = replicate(changed(paper, (3, 3, "BRI"), 1), panels)
    assert [(e["table"], e["column"], e["variable"]) for e in entries if not e["agrees"]] == [(3, 3, "BRI")]


def test_a_column_without_a_panel_is_named(paper, panels):
    with pytest.raises(InputError, match=r"no panel says that Table 4 \(1\) holds on it; given: main"):
        run_regressions(paper, {"main": panels["main"]})


def test_a_replication_is_least_squares_on_dummies(paper, runs, panels):
    run = next(cell_of for cell_of in runs if cell_of.regression.key == (3, 2))
    years = (np.array(panels["main"]["period"])[None] == np.array(panels["main"]["period"])[:, None]).astype(float)
    dummies = np.tile(years, (291, 1))
    solved = np.linalg.lstsq(np.column_stack([run.fit.X, dummies]), run.fit.y, rcond=None)[0]
    np.testing.assert_allclose(run.coefficients, solved[:5], rtol=1e-8)
    remaining = run.fit.y - np.column_stack([run.fit.X, dummies]) @ solved
    assert run.r_squared["overall"] == pytest.approx(
        1 - remaining @ remaining / ((run.fit.y - run.fit.y.mean()) ** 2).sum()
    )
