"""Claims about analytic weights: in least squares and in the closed form."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import statsmodels.api as sm

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import WEIGHT
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.error_process import coloured, serial_errors
from bri_bayes.estimands.linear import att_effect
from bri_bayes.frequentist import frequentist_rows
from bri_bayes.inference import fit
from bri_bayes.inference.error_precision import serial_precision
from bri_bayes.inference.weighted_errors import WeightedErrors
from bri_bayes.study.model_card import load_card

from .panels import make_panel


def analysis(*, weights: str = "varied", **changes: object) -> Analysis:
    panel, _ = make_panel()
    rng = np.random.default_rng(5)
    values = rng.uniform(0.2, 5, size=panel["y"].shape) if weights == "varied" else np.full(panel["y"].shape, 7.0)
    panel = panel.assign(w=(panel["y"].dims, values)).assign_attrs({WEIGHT: "w"})
    if weights == "none":
        del panel.attrs[WEIGHT]
    card = dataclasses.replace(load_card("did"), outcome="y", covariates=("x",), **changes)
    units = [str(unit) for unit in panel["unit"].to_numpy()]
    return Analysis(panel, Assignment({unit: 2006 if unit in ("U0", "U1", "U2") else None for unit in units}), card)


def test_twfe_with_weights_is_weighted_least_squares_on_dummies():
    design = analysis().design
    dummies = [np.eye(design.sizes[name])[design[f"{name}_ix"]] for name in ("unit", "period")]
    X = np.column_stack([design["treated"], design["X"], dummies[0], dummies[1][:, 1:]])
    reference = sm.WLS(design["y"].to_numpy(), X, weights=design[WEIGHT].to_numpy()).fit()
    rows = {row.inference: row for row in frequentist_rows(design)}
    assert set(rows) == {"iid", "cluster"}
    assert rows["iid"].estimate == pytest.approx(reference.params[0], rel=1e-9)
    assert rows["iid"].se == pytest.approx(reference.bse[0], rel=1e-9)


@pytest.mark.parametrize("structure", ["iid", "ar1", "random_walk"])
def test_the_precision_is_that_of_errors_divided_by_roots(structure, rng):
    unit_ix, period = np.repeat([0, 1, 2], [5, 4, 1]), np.array([0.0, 1, 2, 4, 5, 1, 2, 3, 6, 2])
    root = rng.uniform(0.5, 2, size=10)
    hyper = {"sigma": np.array([0.7]), "rho": np.array([0.6])}
    serial = serial_errors(structure, unit_ix, period)
    phi, s = serial.transition(hyper["sigma"], hyper["rho"])
    factor = np.stack([coloured(serial, row[None], phi, s)[0] for row in np.eye(10)], axis=1) / root[:, None]
    dense = np.linalg.inv(factor @ factor.T)
    errors = WeightedErrors(serial_precision(structure, unit_ix, period, by_unit=False), root, unit_ix)
    np.testing.assert_allclose(errors.times(hyper, np.eye(10))[0], dense, atol=1e-9)
    np.testing.assert_allclose(errors.diagonal(hyper)[0], np.diag(dense), rtol=1e-9)
    np.testing.assert_allclose(errors.log_det(hyper).sum(), np.linalg.slogdet(dense)[1], rtol=1e-9)
    rows = np.array([1, 2, 6])
    np.testing.assert_allclose(errors.block(hyper, rows)[0], dense[np.ix_(rows, rows)], atol=1e-9)
    columns, sets = rng.normal(size=(10, 3)), np.zeros(3, dtype=np.intp)
    products = errors.products([columns], 1, sets, None).at(hyper)
    np.testing.assert_allclose(products.rest[0, 0], columns[:, 1:].T @ dense @ columns[:, 1:], atol=1e-9)
    values = rng.normal(size=(10, 2))
    _, rest, squares = errors.outcomes(columns, 1, sets, values).at(hyper)
    np.testing.assert_allclose(rest[0, 0], columns[:, 1:].T @ dense @ values, atol=1e-9)
    np.testing.assert_allclose(squares[0], np.diag(values.T @ dense @ values), atol=1e-9)


def test_equal_weights_of_any_size_change_no_digit():
    weighted = fit(analysis(weights="equal"), pointwise=False)
    plain = fit(analysis(weights="none"), pointwise=False)
    assert att_effect(weighted).as_dict() == pytest.approx(att_effect(plain).as_dict(), rel=1e-9)


def test_with_one_effect_and_independent_errors_the_posterior_is_near_weighted_twfe():
    card = load_card("did")
    changes = {
        "effects": dataclasses.replace(card.effects, treatment="common"),
        "errors": dataclasses.replace(card.errors, structure="iid"),
    }
    weighted = analysis(**changes)
    mean = {name: att_effect(fit(recipe_of, pointwise=False)).mean for name, recipe_of in
            {"weighted": weighted, "plain": analysis(weights="none", **changes)}.items()}  # fmt: skip
    twfe = {name: frequentist_rows(recipe_of.design)[0].estimate for name, recipe_of in
            {"weighted": weighted, "plain": analysis(weights="none", **changes)}.items()}  # fmt: skip
    moved = twfe["weighted"] - twfe["plain"]
    assert abs(moved) > 0.01
    assert mean["weighted"] - mean["plain"] == pytest.approx(moved, rel=0.2)


def test_weights_are_part_of_the_recipe_and_refused_by_the_sampler():
    assert analysis().digest != analysis(weights="none").digest
    with pytest.raises(InputError, match="weights are made for the closed form"):
        fit(analysis(), engine="nuts")
