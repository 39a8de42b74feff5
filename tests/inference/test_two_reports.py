"""Two reports of one flow: both derivations against brute force, and noise and effect that were planted."""

import dataclasses
import warnings

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from bri_bayes.core.errors import InputError
from bri_bayes.design.design import build_design
from bri_bayes.design.two_reports import stacked
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.to_datatree import linear_predictor
from bri_bayes.inference.two_reports import FIRST, SECOND, stacked_model, two_reports
from bri_bayes.models.two_reports import build_two_reports
from bri_bayes.study.model_card import Effects, Errors, Shocks

from .panels import make_card, make_panel

ROUNDING = 1e-8
NAMES = ("y", "mirror")


def reported(seed=1, noise=(0.05, 0.4), **panel):
    """A panel with two reports of its outcome; the second has a gap of its own for every unit and year."""
    made, assignment = make_panel(seed=seed, **panel)
    rng = np.random.default_rng(seed + 50)
    flow, shape = made["y"], made["y"].shape
    gap = rng.normal(0, 1, (shape[0], 1)) + rng.normal(0, 0.3, (1, shape[1]))
    first = flow + rng.normal(0, noise[0], shape)
    second = flow + gap + rng.normal(0, noise[1], shape)
    return made.assign(y=first, mirror=second.where(rng.random(shape) > 0.1)), assignment


@pytest.mark.parametrize("structure", ["iid", "ar1"])
def test_the_density_is_that_of_all_rows_written_out(structure, rng):
    panel, assignment = reported(n_units=4, n_periods=8)
    card = make_card(errors=Errors(structure=structure), covariates=("x",))
    rows = stacked(panel, assignment, card, NAMES)
    model = stacked_model(rows, card)
    vectors = model.space.start() + rng.normal(0, 0.3, (3, model.space.start().size))
    hyper = model.space.values(vectors)
    unit, year = rows.design["unit_ix"].to_numpy()[rows.cell], model.terms.period % 1e6
    for at in range(3):
        h = {name: float(value[at]) for name, value in hyper.items()}
        covariance = np.zeros((unit.size, unit.size))
        for a in range(unit.size):
            for b in range(unit.size):
                if unit[a] == unit[b]:
                    lag = abs(year[a] - year[b])
                    serial = h["rho"] ** lag / (1 - h["rho"] ** 2) if structure == "ar1" else float(lag == 0)
                    covariance[a, b] = h["sigma"] ** 2 * serial
            covariance[a, a] += h[SECOND if rows.report[a] else FIRST] ** 2
        for block in model.terms.shared:
            covariance += (scale_of(block, h) ** 2) * block.columns @ block.columns.T
        for block in model.terms.per_unit:
            same = unit[:, None] == unit[None, :]
            covariance += (scale_of(block, h) ** 2) * same * (block.columns @ block.columns.T)
        expected = multivariate_normal(np.zeros(unit.size), covariance).logpdf(model.terms.y)
        got = model.log_posterior(vectors)[at] - model.space.log_prior(vectors)[at]
        assert got == pytest.approx(expected, abs=1e-6 + ROUNDING * abs(expected))


def scale_of(block, hyper):
    return hyper[block.scale] if isinstance(block.scale, str) else block.scale


def test_the_noise_of_each_report_and_the_effect_come_back():
    panel, assignment = reported(seed=4, noise=(0.1, 0.6), n_units=8, n_periods=14, effect=0.5, holes=False)
    answer = two_reports(stacked(panel, assignment, make_card(), NAMES), make_card())
    first, second = answer.noise
    assert first.lower < 0.1 < first.upper
    assert second.lower < 0.6 < second.upper
    assert second.mean == pytest.approx(0.6, abs=0.15)
    assert answer.att.lower < 0.5 < answer.att.upper
    assert answer.rows == (112, int(np.isfinite(panel["mirror"]).sum()))
    # The better report alone says about as much, the worse one less.
    alone = [of_one(panel, assignment, name).sd for name in NAMES]
    assert answer.att.sd < 1.05 * alone[0] < alone[1]


def of_one(panel, assignment, name):
    card = make_card(outcome=name, errors=Errors(structure="ar1_noise"))
    return att_posterior(build_design(panel, assignment, card), card, 0).effect


def test_swapping_the_reports_swaps_their_noise_and_leaves_the_effect():
    panel, assignment = reported(seed=2)
    card = make_card()
    both = [two_reports(stacked(panel, assignment, card, names), card) for names in (NAMES, NAMES[::-1])]
    # Missing cells are filled for the scaling alone, so the two scales differ a little.
    assert both[0].att.mean == pytest.approx(both[1].att.mean, abs=0.1 * both[0].att.sd)
    assert both[0].noise[0].mean == pytest.approx(both[1].noise[1].mean, rel=0.15)


def test_what_is_lasting_or_common_in_the_gap_moves_nothing():
    panel, assignment = reported(seed=3)
    lasting = np.arange(panel.sizes["unit"])[:, None] * 3.0 + np.arange(panel.sizes["period"])[None, :] * 0.7
    moved = panel.assign(mirror=panel["mirror"] + lasting)
    complete = make_card(effects=Effects(treatment="common"))
    answers = [two_reports(stacked(p, assignment, complete, NAMES), complete) for p in (panel, moved)]
    assert answers[0].att.mean == pytest.approx(answers[1].att.mean, abs=0.02 * answers[0].att.sd)
    assert answers[0].noise[1].mean == pytest.approx(answers[1].noise[1].mean, rel=0.02)


@pytest.mark.parametrize(
    "change",
    [{"errors": Errors(structure="ar1_noise")}, {"errors": Errors(scale="by_unit")}, {"shocks": Shocks("like_errors")}],
)
def test_a_card_with_noise_or_shocks_of_its_own_is_refused(change):
    panel, assignment = reported()
    with pytest.raises(InputError, match="two reports need iid or ar1 errors"):
        stacked(panel, assignment, dataclasses.replace(make_card(), **change), NAMES)


def test_reports_that_share_no_cell_are_refused():
    panel, assignment = reported()
    with pytest.raises(InputError, match='no unit and period has both "y" and "mirror"'):
        stacked(panel.assign(mirror=panel["mirror"] * np.nan), assignment, make_card(), NAMES)


def test_the_sampled_model_has_the_same_density_given_its_coefficients(rng):
    panel, assignment = reported(seed=5, n_units=4, n_periods=8)
    card = make_card(effects=Effects(treatment="common"))
    rows = stacked(panel, assignment, card, NAMES)
    design, cell = rows.design, rows.cell
    model = build_two_reports(rows, card)
    names = ["unit_effect", "period_effect", "effect", "gap", "gap_by_period", "sigma", "rho", "noise"]
    point = {name: value + rng.normal(0, 0.2, np.shape(value)) for name, value in model.initial_point().items()}
    graph = model.replace_rvs_by_values([*model.potentials, *(model[name] for name in names)])
    of_graph = model.compile_fn(graph, inputs=model.value_vars, mode="FAST_COMPILE")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = of_graph(point)
    densities, values = got[: -len(names)], dict(zip(names, got[-len(names) :], strict=True))
    unit, period = design["unit_ix"].to_numpy()[cell], design["period_ix"].to_numpy()[cell]
    mean = linear_predictor(design, card, {name: value[None] for name, value in values.items()})[0][cell]
    mean = mean + rows.report * (values["gap"][unit] + values["gap_by_period"][period])
    y = (rows.values[cell, rows.report] - design.attrs["y_center"]) / design.attrs["y_scale"]
    lag = np.abs(np.subtract.outer(period, period))
    serial = values["sigma"] ** 2 * values["rho"] ** lag / (1 - values["rho"] ** 2)
    covariance = np.where(unit[:, None] == unit[None, :], serial, 0.0) + np.diag(values["noise"][rows.report] ** 2)
    assert sum(densities) == pytest.approx(multivariate_normal(mean, covariance).logpdf(y), abs=1e-6)
