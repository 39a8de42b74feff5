"""DID on matched units and Table 2 on the rebuilt panel: the quoted range, the means, and what cannot come back."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.paper import Printed, load_published
from bri_bayes.paper.matched_did import BASELINE, balance_table, cannot_be_matched, psm_did
from bri_bayes.paper.matching import QUOTED, matched_units, matching_plan, weighted_two_way
from bri_bayes.paper.rebuild.balance import SIZE, unit_statistics
from bri_bayes.paper.reconstruction import BRI, reconstruct, reconstructions
from bri_bayes.paper.replicate import replicate, variable

BEFORE = slice(0, 10)
# Weighted least squares on 6,111 rows, in pyfixest by demeaning.
SOLVED = 1e-7


@pytest.fixture(scope="module")
def paper():
    return load_published()


@pytest.fixture(scope="module")
def panel():
    return reconstruct()


@pytest.fixture(scope="module")
def matches(panel):
    plan = matching_plan()
    means = {name: variable(panel, name)[:, BEFORE].mean(axis=1) for name in plan.covariates}
    return matched_units(plan, means, panel[BRI].to_numpy().any(axis=1))


@pytest.mark.published
def test_every_method_gives_a_coefficient_in_the_quoted_range_and_the_ends_are_reached(paper, panel):
    entries = psm_did(paper, panel)
    assert [(e["outcome"], e["method"]) for e in entries] == [
        (outcome, method) for outcome in BASELINE for method in ("kernel", "nearest", "radius")
    ]
    assert all(entry["inside"] for entry in entries)
    for outcome, (low, high) in QUOTED.items():
        statistics = [entry["estimate"] for entry in entries if entry["outcome"] == outcome]
        assert paper.statement(low).number.agrees(min(statistics))
        assert paper.statement(high).number.agrees(max(statistics))


@pytest.mark.published
def test_pyfixest_gives_the_same_weighted_coefficients_and_clustered_errors(paper, panel, matches):
    import pyfixest

    rows = panel[[BRI]].to_dataframe().reset_index()
    regressors = [name for name in paper.regression(3, 3).regressors if name != "BRI"]
    for name in ("lnexport", "lnimport", *regressors):
        rows[name] = variable(panel, name).ravel()
    entries = {(entry["outcome"], entry["method"]): entry for entry in psm_did(paper, panel)}
    for method, statistics in matches.items():
        rows["weight"] = np.repeat(statistics.weights.to_numpy(), panel.sizes["period"])
        for outcome in BASELINE:
            formula = f"{outcome} ~ {BRI} + {' + '.join(regressors)} | unit + period"
            kept = rows[rows["weight"] > 0]
            fit = pyfixest.feols(formula, data=kept, weights="weight", vcov={"CRV1": "unit"})
            entry = entries[outcome, method]
            assert float(fit.coef()[BRI]) == pytest.approx(entry["estimate"], abs=2e-6)
            assert float(fit.se()[BRI]) == pytest.approx(entry["se"], rel=1e-4)


def test_a_weight_of_two_is_the_unit_twice_and_equal_weights_are_none(rng):
    y, X = rng.normal(size=(6, 5)), rng.normal(size=(2, 6, 5))
    weights = np.array([1.0, 2.0, 1.0, 1.0, 2.0, 1.0])
    twice = np.repeat(np.arange(6), weights.astype(int))
    weighted = weighted_two_way(y, X, weights)
    assert weighted.effect == pytest.approx(weighted_two_way(y[twice], X[:, twice], np.ones(8)).effect, rel=1e-9)
    assert float((weighted.contrast * y).sum()) == pytest.approx(weighted.effect, rel=1e-9)
    dummies = np.column_stack([np.kron(np.eye(6), np.ones((5, 1))), np.kron(np.ones((6, 1)), np.eye(5))[:, 1:]])
    columns = np.column_stack([X.reshape(2, -1).T, dummies])
    solved = np.linalg.lstsq(columns, y.ravel(), rcond=None)[0]
    assert weighted_two_way(y, X, np.ones(6)).effect == pytest.approx(solved[0], rel=1e-9)


def test_the_match_rests_on_what_was_before_the_policy_and_not_on_trade(paper, panel):
    plan = matching_plan()
    assert set(plan.covariates) == {"lnpgdp", "lnppl", "openness"}
    words = {"pgdp": "lnpgdp", "population": "lnppl", "open": "openness"}
    assert {words[word] for word in paper.statement("matching_covariates").words} == set(plan.covariates)
    methods = {method.rule.method for method in plan.methods}
    assert methods == set(paper.statement("matching_in_section_4_4").words)
    assert plan.balance in paper.statement("matching_in_section_4_1").words


@pytest.mark.parametrize(("name", "units"), [("psm_export_low", 1), ("psm_import_high", -1)])
def test_a_changed_end_of_the_range_moves_the_coefficient_and_no_entry_of_the_tables(paper, panel, name, units):
    statement = paper.statement(name)
    text = f"{float(statement.number.text) + units * 0.001:.3f}"
    moved = dataclasses.replace(statement, number=Printed(text))
    other = dataclasses.replace(paper, statements={**paper.statements, name: moved})
    panels = reconstructions(other)
    assert panels["main"].attrs["digest"] != panel.attrs["digest"]
    before = {(e["outcome"], e["method"]): e["estimate"] for e in psm_did(paper, panel)}
    after = {(e["outcome"], e["method"]): e for e in psm_did(other, panels["main"])}
    assert all(entry["inside"] for entry in after.values())
    outcome = "lnexport" if "export" in name else "lnimport"
    different = {key for key, value in before.items() if after[key]["estimate"] != value}
    assert different
    assert {key[0] for key in different} == {outcome}
    assert all(entry["agrees"] for entry in replicate(other, panels))


@pytest.mark.published
def test_table_2_comes_back_but_for_its_p_values_and_the_spread_of_export_size(paper, panel):
    entries = balance_table(paper, panel)
    printed = [cell for cell in paper.descriptives if cell[0] == 2]
    assert sorted((2, e["variable"], e["sample"], e["column"]) for e in entries) == sorted(printed)
    missed = {(e["variable"], e["sample"], e["column"]) for e in entries if not e["agrees"]}
    p_values = {(e["variable"], e["sample"], "p_value") for e in entries}
    size = {(SIZE, "before", "bias_pct"), (SIZE, "after", "bias_pct"), (SIZE, "after", "reduction_pct")}
    assert missed == p_values | size
    spread = cannot_be_matched(paper, panel)
    assert spread["implied"] > 2 * spread["panel"]


def test_table_2_is_computed_as_its_note_says(paper, panel, matches):
    """Against sums written out here: means, bias with the spreads before matching, and scipy's t-test."""
    from scipy.stats import ttest_ind

    ever = panel[BRI].to_numpy().any(axis=1)
    growth = np.diff(variable(panel, "lnexport")[:, BEFORE], axis=1).mean(axis=1)
    statistics = {
        (e["sample"], e["column"]): e["reproduced"] for e in balance_table(paper, panel) if "growth" in e["variable"]
    }
    weights = matches["kernel"].weights.to_numpy()
    spread = np.sqrt((growth[ever].var(ddof=1) + growth[~ever].var(ddof=1)) / 2)
    after = np.average(growth[ever], weights=weights[ever]) - np.average(growth[~ever], weights=weights[~ever])
    assert statistics["before", "bias_pct"] == pytest.approx(
        100 * (growth[ever].mean() - growth[~ever].mean()) / spread, abs=1e-5
    )
    assert statistics["after", "bias_pct"] == pytest.approx(100 * after / spread, abs=1e-5)
    assert statistics["before", "p_value"] == pytest.approx(ttest_ind(growth[ever], growth[~ever]).pvalue, abs=1e-5)


def test_unit_statistics_of_a_series_that_is_known():
    steps = np.array([[0.1, 0.3, 0.1, 0.3], [0.2, 0.2, 0.2, 0.2]])
    exports = np.cumsum(np.column_stack([np.ones(2), steps]), axis=1)
    statistics = unit_statistics(exports, slice(0, 5))
    np.testing.assert_allclose(statistics["export_growth"], [0.2, 0.2], atol=SOLVED)
    np.testing.assert_allclose(statistics["export_volatility"], [0.2 / np.sqrt(3), 0.0], atol=SOLVED)
    np.testing.assert_allclose(statistics["export_size_log"], exports.mean(axis=1) + np.log(1e6), atol=SOLVED)


def test_a_plan_whose_balance_names_no_method_is_refused(tmp_path, monkeypatch):
    from bri_bayes.paper import matching

    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "matching.toml").write_text(
        'covariates = ["lnpgdp"]\nbalance = "kernl"\n[[method]]\nname = "kernel"\nplace = 0.5\nrule = {}\n'
    )
    monkeypatch.setattr(matching, "shipped", lambda _: tmp_path)
    matching.matching_plan.cache_clear()
    with pytest.raises(InputError, match='balance names "kernl"; the methods are kernel'):
        matching.matching_plan()
    matching.matching_plan.cache_clear()
