"""Claims about trade by product category: reading, the model against brute force, ranks, recovery, words."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from scipy.stats import multivariate_normal, multivariate_t

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.categories import CategoryOutcome, CategorySource, growth_rows, load_categories
from bri_bayes.data.category_simulation import PLANTED, simulate_categories, simulated_categories
from bri_bayes.design.category_design import (
    CategoryDesign,
    category_difference_design,
    category_panel_design,
    difference_in_differences,
)
from bri_bayes.estimands.rankings import claimed_values, rank_probabilities

NINE = Assignment({**dict.fromkeys("ABCDE", 2013), **dict.fromkeys("WXYZ", None)})
YEARS = range(2003, 2024)
# Log densities of a hundred terms in double precision.
EXACT = 1e-8
LONG = "iso3,year,sitc,flow,value\n"


def small(seed: int, **options: object) -> CategoryDesign:
    few = Assignment({"A": 2006, "B": 2007, "Y": None, "Z": None})
    panel = simulate_categories(few, range(2003, 2010), {"75": 0.2, "76": 0.1, "77": 0.0}, seed=seed, **options)
    return category_panel_design(panel, "trade", few)


def assigned(model, rng) -> dict[str, np.ndarray]:
    """A point of the model's free variables, unconstrained; a packed Cholesky factor of three categories has six."""
    point = {}
    for value in model.value_vars:
        dims = model.named_vars_to_dims.get(model.values_to_rvs[value].name)
        shape = (
            [len(model.coords[name]) for name in dims] if dims else [6 if n is None else n for n in value.type.shape]
        )
        point[value.name] = 0.4 * rng.normal(size=shape)
    return point


def at_point(model, point, variables) -> list[np.ndarray]:
    from pytensor.compile.mode import Mode

    replaced, python = model.replace_rvs_by_values(variables), Mode(linker="py", optimizer=None)
    return model.compile_fn(replaced, inputs=model.value_vars, mode=python, on_unused_input="ignore")(point)


def brute_force(design, y, path, u, rho, chol) -> float:
    """The restricted likelihood by dense matrices: all cells at once, unit and period effects projected out."""
    n_units, n_periods, n_categories = y.shape
    effect = np.zeros(y.shape)
    for row, unit in enumerate(design.treated_ix):
        for period in range(n_periods):
            if design.event_time[unit, period] >= 0:
                at = int(np.flatnonzero(design.times == design.event_time[unit, period])[0])
                effect[unit, period] = path[at] + u[row]
    lag = np.abs(np.subtract.outer(np.arange(n_periods), np.arange(n_periods)))
    ar = rho**lag / (1 - rho**2)
    covariance = np.kron(np.eye(n_units), np.kron(ar, chol @ chol.T))
    units = np.kron(np.eye(n_units), np.kron(np.ones((n_periods, 1)), np.eye(n_categories)))
    periods = np.kron(np.ones((n_units, 1)), np.eye(n_periods * n_categories))
    singular_vectors, values, _ = np.linalg.svd(np.hstack([units, periods]))
    contrasts = singular_vectors[:, int((values > 1e-9).sum()) :]
    error = contrasts.T @ (y - effect).ravel()
    return float(multivariate_normal(np.zeros(error.size), contrasts.T @ covariance @ contrasts).logpdf(error))


@pytest.mark.parametrize("holes", [0, 3])
def test_the_likelihood_is_the_restricted_likelihood_of_dense_matrices(rng, holes):
    from bri_bayes.models.categories import build_category_panel

    design = small(1)
    y = design.y.copy()
    y.reshape(-1)[rng.choice(y.size, holes, replace=False)] = np.nan
    design = CategoryDesign(**{**vars(design), "y": y, "guess": np.where(np.isfinite(y), y, 0.1)})
    model = build_category_panel(design)
    differences = []
    for _ in range(3):
        point = assigned(model, rng)
        names = ["path", "u", "rho", "error"]
        likelihood, path, u, rho, packed = at_point(
            model, point, [model.potentials[0], *(model[name] for name in names)]
        )
        chol = np.zeros((3, 3))
        chol[np.tril_indices(3)] = packed
        filled = design.guess.copy()
        if holes:
            filled[tuple(design.holes.T)] += point["missing"]
        differences.append(likelihood - brute_force(design, filled, path, u, rho, chol))
    # Equal but for a constant: the pi's, and the volume of the projection.
    np.testing.assert_allclose(differences, differences[0], atol=EXACT)


def test_the_difference_has_the_density_of_the_multivariate_t(rng):
    from bri_bayes.models.categories import build_category_difference

    panel = simulate_categories(NINE, [2005, 2015], {"75": 0.2, "76": 0.1, "77": 0.0}, seed=2)
    design = category_difference_design(panel, "trade", NINE, (2005, 2015), NINE.never_treated)
    model = build_category_difference(design)
    differences = []
    for _ in range(3):
        point = assigned(model, rng)
        names = ["mu", "growth", "nu", "error"]
        likelihood, mu, growth, nu, packed = at_point(
            model, point, [model.potentials[0], *(model[name] for name in names)]
        )
        chol = np.zeros((3, 3))
        chol[np.tril_indices(3)] = packed
        treated = np.isin(np.arange(9), design.treated_ix)
        rows = design.y[:, 0] - growth - treated[:, None] * mu
        density = multivariate_t(np.zeros(3), chol @ chol.T, df=float(nu)).logpdf(rows).sum()
        differences.append(likelihood - density)
    np.testing.assert_allclose(differences, differences[0], atol=EXACT)


def test_a_walk_of_effects_averages_to_zero_over_treated_cells():
    from bri_bayes.models.categories import centred_walk

    times, weights = np.array([0, 1, 3]), np.array([5.0, 5.0, 2.0])
    walk = centred_walk(times, weights)
    np.testing.assert_allclose(weights @ walk, 0, atol=1e-12)
    np.testing.assert_allclose(np.diff(walk, axis=0), np.diag([1.0, np.sqrt(2)]), atol=1e-12)


def test_multiplying_trade_by_100_changes_no_number_of_the_design():
    panel = simulate_categories(NINE, YEARS, {"75": 0.2, "76": 0.1}, seed=3)
    first = category_panel_design(panel, "trade", NINE)
    second = category_panel_design(panel.assign(trade=100 * panel["trade"]), "trade", NINE)
    np.testing.assert_allclose(first.y, second.y, atol=1e-9)
    assert first.scale == pytest.approx(second.scale)
    means = difference_in_differences(first)
    logs = np.log(panel["trade"])
    gap = logs.sel(period=slice(2013, None)).mean("period") - logs.sel(period=slice(None, 2012)).mean("period")
    expected = gap.sel(unit=list("ABCDE")).mean("unit") - gap.sel(unit=list("WXYZ")).mean("unit")
    np.testing.assert_allclose(list(means.values()), expected, atol=1e-9)


def test_zero_cells_are_holes_and_are_counted():
    panel = simulate_categories(NINE, YEARS, {"75": 0.2, "76": 0.1}, seed=3)
    panel["trade"][0, 0, 0] = 0.0
    panel["trade"][1, 2, 1] = np.nan
    design = category_panel_design(panel, "trade", NINE)
    assert design.holes.tolist() == [[0, 0, 0], [1, 2, 1]]
    assert design.notes == ("2 of 378 cells have no value (1 are zero): estimated, not filled",)


def test_a_unit_without_a_category_is_left_out_and_named():
    panel = simulate_categories(NINE, YEARS, {"75": 0.2, "76": 0.1}, seed=3)
    panel["trade"].loc[{"unit": "W", "category": "75"}] = np.nan
    design = category_panel_design(panel, "trade", NINE)
    assert "W" not in design.units
    assert design.notes[0] == "W has fewer than two values in some category: left out"


def test_a_simulation_has_the_effect_that_was_planted():
    quiet = {"innovation_sd": 1e-9, "seed": 1}
    with_effect = simulate_categories(NINE, YEARS, {"75": 0.3, "76": -0.1}, path=(0.5, 1.5), **quiet)
    design = category_panel_design(with_effect, "trade", NINE)
    means = difference_in_differences(design)
    assert means == pytest.approx({"75": 0.3, "76": -0.1}, abs=1e-6)
    assert set(simulated_categories()["category"].to_numpy()) == set(PLANTED)


def test_rank_probabilities_are_those_of_counted_orders():
    draws = np.array([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0], [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    np.testing.assert_array_equal(rank_probabilities(draws), [[0.75, 0.0, 0.25], [0.0, 0.75, 0.25], [0.25, 0.25, 0.5]])


def test_equal_categories_share_every_rank(rng):
    ranks = rank_probabilities(rng.normal(size=(20_000, 7)))
    np.testing.assert_allclose(ranks, 1 / 7, atol=0.01)  # Monte Carlo error 0.0025
    np.testing.assert_allclose(ranks.sum(axis=0), 1)


def test_a_claim_is_judged_by_the_named_against_the_others(rng):
    draws = rng.normal(size=(20_000, 7))
    chance = claimed_values(draws, list("abcdefg"), ["a", "b", "c"], ["d", "e", "f", "g"])
    assert chance["chance"] == pytest.approx(1 / 35)
    assert chance["p_top_set"] == pytest.approx(1 / 35, abs=0.005)
    assert chance["gap"].p_positive == pytest.approx(0.5, abs=0.015)


def test_growth_is_the_mean_of_yearly_rates_of_the_sum():
    levels = np.array([[[10.0], [11.0], [22.0]], [[10.0], [11.0], [22.0]]])
    panel = xr.Dataset(
        {"trade": (("unit", "period", "category"), levels)},
        coords={"unit": ["A", "B"], "period": [2011, 2012, 2013], "category": ["76"]},
    )
    row = growth_rows(panel, "trade", {"treated": ["A", "B"]}, 2013, None)[0]
    assert row["growth_before_pct"] == pytest.approx(10)
    assert row["growth_after_pct"] == pytest.approx(100)
    assert row["mean_level"] == pytest.approx((20 + 22 + 44) / 3)
    assert row["share_pct"] == 100
    between = growth_rows(panel, "trade", {"treated": ["A", "B"]}, 2013, (2011, 2013))[0]
    assert between["growth_pct"] == pytest.approx(100 * (np.sqrt(2.2) - 1))


def source(path, **options: object) -> CategorySource:
    columns = {"unit": "iso3", "period": "year", "category": "sitc", "outcome": "flow"}
    outcomes = {"x": CategoryOutcome("Exports", "export"), "m": CategoryOutcome("Imports", "import")}
    return CategorySource(**{"kind": "user", "file": path, "outcomes": outcomes} | columns | options)


def test_a_long_file_becomes_levels_by_outcome_and_totals_are_left_aside(tmp_path):
    path = tmp_path / "c.csv"
    rows = "A,2005,76,export,1\nA,2005,All,export,9\nA,2005,76,import,0\nB,2005,76,export,\n,2005,76,export,5\n"
    path.write_text(LONG + rows)
    panel = load_categories(source(path, names={"76": "Electronics"}))
    assert panel["x"].sel(unit="A", period=2005, category="76") == 1
    assert panel["m"].sel(unit="A", period=2005, category="76") == 0
    assert panel.sizes == {"unit": 1, "period": 1, "category": 1}


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        ("a,b\n1,2\n", {}, 'there is no column "iso3"'),
        (LONG + "A,2005,76,export,x\nA,2005,76,import,1\n", {}, 'row 2: value is "x", not a number'),
        (LONG + "A,2005,76,export,-1\nA,2005,76,import,1\n", {}, "a value is negative"),
        (LONG + "A,2005,76,export,1\n", {}, 'no row has "import" in the column "flow"'),
        (LONG + 2 * "A,2005,76,export,1\n" + "A,2005,76,import,1\n", {}, "rows 2 and 3 are both A 2005 76 x"),
        (LONG + "A,2005,76,export,1\nA,2005,76,import,1\n", {"names": {"76": "E", "75": "C"}}, 'no category "75"'),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, content, options, sentence):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=sentence):
        load_categories(source(path, **options))


def test_too_few_units_are_refused_by_name():
    lonely = Assignment({"A": 2013, "W": None, "X": None})
    panel = simulate_categories(lonely, YEARS, {"75": 0.1, "76": 0.0}, seed=1)
    with pytest.raises(InputError, match="1 treated and 2 control units"):
        category_panel_design(panel, "trade", lonely)


@pytest.mark.nuts
def test_the_sampler_finds_large_planted_effects_and_their_order():
    from bri_bayes.estimands.rankings import category_values
    from bri_bayes.inference.categories import sample_categories

    effects = {"75": 0.8, "76": 0.4, "77": 0.0}
    panel = simulate_categories(NINE, YEARS, effects, innovation_sd=0.05, rho=0.3, seed=4)
    design = category_panel_design(panel, "trade", NINE)
    values = category_values(
        design, sample_categories(design, 1, quick=True), level_to_usd=1e6, claimed=["75", "76"], against=["77"]
    )
    # Effects five times their noise apart mix slowly in the non-centred form (the gate says so): the means hold anyway.
    assert values["diagnostics"]["divergences"] == 0
    assert values["diagnostics"]["rhat"] < 1.1
    for name, effect in effects.items():
        assert values["effects"][name].mean == pytest.approx(effect, abs=0.1)  # sd of an estimate about 0.03
    assert [values["ranks"][name][place] for place, name in enumerate(effects)] == pytest.approx([1, 1, 1], abs=0.01)
    assert values["claimed"]["gap"].p_positive > 0.99
    assert values["additional_usd"]["75"]["mean"] > values["additional_usd"]["76"]["mean"] > 0


@pytest.mark.calibration
@pytest.mark.nuts
def test_intervals_of_category_effects_cover_what_was_planted():
    """Twelve simulated panels of four categories: 48 intervals of 90%, effects drawn anew each time.

    Intervals of one panel share their errors, so the binomial sd of 0.043 is a lower bound; 0.75 is over three away.
    """
    from bri_bayes.design.category_design import category_panel_design
    from bri_bayes.inference.categories import sample_categories

    inside, total = 0, 0
    for number in range(12):
        drawn = np.random.default_rng(100 + number).normal(0.15, 0.15, 4)
        effects = dict(zip(("75", "76", "77", "87"), drawn.tolist(), strict=True))
        panel = simulate_categories(NINE, YEARS, effects, rho=0.6, path=(0.5, 1.5), country_spread=0.1, seed=number)
        design = category_panel_design(panel, "trade", NINE)
        average = sample_categories(design, number, quick=True).effect.mean(axis=(1, 2))
        lower, upper = np.quantile(average, [0.05, 0.95], axis=0)
        inside += int(((lower < drawn) & (drawn < upper)).sum())
        total += drawn.size
    print(f"coverage of 90% intervals: {inside} of {total}")
    assert inside / total >= 0.75


@pytest.mark.real
@pytest.mark.nuts
@pytest.mark.calibration
def test_the_real_sections_do_not_decide_the_claim_on_exports(shared, tmp_path):
    path = shared / "data" / "real_panel" / "china_by_sitc_section_1995_2005_2015.csv"
    command = [sys.executable, "-m", "bri_bayes.cli", "categories", "data/goods_trade.toml", "--panel", str(path)]
    done = subprocess.run([*command, "--json", "--quick"], capture_output=True, text=True, check=False)
    values = json.loads(done.stdout)
    assert values["panel"]["kind"] == "official"
    texts = [claim["claim"] for claim in values["claims"]]
    assert [text.split(":")[0] for text in texts] == ["Exports of China", "Imports of China"]
    verdicts = {claim["where"]: claim["verdict"] for claim in values["claims"]}
    assert verdicts["Exports of China"] == "cannot be told"
    fit = values["outcomes"]["export"]["fits"]["assignment 2005-2015"]
    assert "SRB" not in fit["controls"]  # Serbia has no value in 2005
    assert fit["did"]["SITC7_Machinery"] == pytest.approx(0.21, abs=0.01)
