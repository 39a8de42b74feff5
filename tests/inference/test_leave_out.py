"""Exact leave-out scores against dense matrices, quadrature, refits and identities."""

import dataclasses

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import build_design
from bri_bayes.design.linear_terms import build_terms, period_contrasts
from bri_bayes.inference import leave_out
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.conditional_predictive import HeldOut, rows_of, with_flat_level
from bri_bayes.inference.hyperparameters import hyperparameters
from bri_bayes.inference.importance import sample_by_importance
from bri_bayes.inference.leave_out import leave_future_out, leave_rows_out, leave_units_out
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.model_card import Effects, Errors, Likelihood, Sampler, Shocks

from .panels import make_card, make_panel
from .test_marginal import CARDS

# Two ways to the same sum of some hundred terms.
ROUNDING = 1e-6
# Importance points against a fine grid over sigma: the Monte Carlo error of one score is about 0.003.
QUADRATURE = 0.015
# Two importance samples of a few thousand points each.
MONTE_CARLO = 0.03
COMMON_IID = {"effects": Effects(treatment="common"), "errors": Errors("iid")}


def covariance_of(terms, structure, hyper):
    """The covariance of the outcome with every matrix written out."""
    n = terms.y.size
    covariance = np.zeros((n, n))
    for block in terms.per_unit:
        scale = hyper.get(block.scale, block.scale)
        for column in block.columns.T:
            same = (terms.unit_ix[:, None] == terms.unit_ix) * np.outer(column, column)
            covariance += scale**2 * same
    for block in terms.shared:
        covariance += hyper.get(block.scale, block.scale) ** 2 * block.columns @ block.columns.T
    for i in np.unique(terms.unit_ix):
        rows = np.flatnonzero(terms.unit_ix == i)
        t = terms.period[rows]
        sigma = hyper["sigma_unit"][i] if "sigma_unit" in hyper else hyper["sigma"]
        if structure == "iid":
            of_errors = np.eye(rows.size)
        elif structure == "ar1":
            of_errors = hyper["rho"] ** np.abs(t[:, None] - t) / (1 - hyper["rho"] ** 2)
        else:
            of_errors = np.minimum(t[:, None], t) - t[0] + 1
        covariance[np.ix_(rows, rows)] += sigma**2 * of_errors
    return covariance


def conditional_log_density(covariance, y, rows, given, contrasts=None):
    """log N(C y_B | y_given) from the textbook formula."""
    gain = np.linalg.solve(covariance[np.ix_(given, given)], covariance[np.ix_(given, rows)]).T
    mean = gain @ y[given]
    remaining = covariance[np.ix_(rows, rows)] - gain @ covariance[np.ix_(given, rows)]
    c = np.eye(rows.size) if contrasts is None else contrasts
    return multivariate_normal(c @ mean, c @ remaining @ c.T, allow_singular=True).logpdf(c @ y[rows])


def model_of(card, **panel):
    design = build_design(*make_panel(**panel), card)
    terms = build_terms(design, card)
    space = hyperparameters(terms, card)
    return design, terms, space, Collapsed.of(terms, card, space)


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
def test_the_density_of_held_out_rows_is_the_multivariate_normal_conditional(changes):
    card = make_card(**changes, priors=Priors(unit=1.0, period=1.0))
    _, terms, space, model = model_of(card)
    vectors = space.start() + np.random.default_rng(0).normal(0, 0.4, (2, space.dimension))
    values = space.values(vectors)
    held_out = HeldOut(model)
    by_row = held_out.row_log_density(values)
    unit, year = np.flatnonzero(terms.unit_ix == 1), np.flatnonzero(terms.period == 2007)
    for draw in range(2):
        covariance = covariance_of(terms, card.errors.structure, {name: value[draw] for name, value in values.items()})
        for row in (0, 7, terms.y.size - 1):
            others = np.delete(np.arange(terms.y.size), row)
            expected = conditional_log_density(covariance, terms.y, np.array([row]), others)
            assert by_row[draw, row] == pytest.approx(expected, abs=ROUNDING)
        for rows in (unit, year):
            contrasts = period_contrasts(rows.size).T
            others = np.setdiff1d(np.arange(terms.y.size), rows)
            expected = conditional_log_density(covariance, terms.y, rows, others, contrasts)
            computed = held_out.contrast_log_density(values, rows, contrasts)[draw]
            assert computed == pytest.approx(expected, abs=ROUNDING)
            flat, without = with_flat_level(model, rows), Collapsed.of(rows_of(terms, others), card, space)
            by_level = (
                flat.log_posterior(vectors) - without.log_posterior(vectors) + 0.5 * np.log(2 * np.pi * rows.size)
            )
            assert by_level[draw] == pytest.approx(expected, abs=ROUNDING)


@pytest.mark.parametrize(
    "changes",
    [{}, {"errors": Errors("ar1_noise"), "shocks": Shocks("like_errors")}, {"shocks": Shocks("ar1")}],
    ids=["independent", "shocks like errors", "shocks of their own"],
)
def test_one_step_densities_add_up_to_the_marginal_likelihood(changes):
    """The chain rule: log p(y) = sum over years of log p(y_t | y_<t)."""
    card = make_card(priors=Priors(unit=1.0, period=1.0), **changes)
    _, terms, space, model = model_of(card)
    values = space.values(space.start()[None, :])
    total = 0.0
    for year in np.unique(terms.period):
        upto = np.flatnonzero(terms.period <= year)
        rows = np.flatnonzero(terms.period[upto] == year)
        part = HeldOut(Collapsed.of(rows_of(terms, upto), card, space))
        total += part.contrast_log_density(values, rows, np.eye(rows.size))[0]
    assert total == pytest.approx(model.conditional(values).log_density[0], abs=ROUNDING)


def nine_by_21(seed=5, **changes):
    """Five of nine units treated in the eleventh of 21 years."""
    units = [f"U{i}" for i in range(9)]
    assignment = Assignment({unit: 2013 if i < 5 else None for i, unit in enumerate(units)})
    settings = {"effect": 0.2, "rho": 0.6, "innovation_sd": 0.25, "seed": seed} | changes
    panel, _ = simulate_panel(assignment, range(2003, 2024), **settings)
    return panel, assignment


def grid_over_sigma(design, card):
    """sigma on a fine grid, its log prior density, and the covariance of the outcome at each point."""
    terms = build_terms(design, card)
    space = hyperparameters(terms, card)
    grid = np.linspace(-0.6, 0.6, 25)[:, None]  # a step below the posterior sd of log sigma: exact to rounding
    sigmas = space.values(grid)["sigma"]
    return terms, space.log_prior(grid), [covariance_of(terms, "iid", {"sigma": sigma}) for sigma in sigmas]


def test_leave_one_out_on_9_by_21_is_quadrature_over_sigma():
    card = make_card(**COMMON_IID)
    design = build_design(*nine_by_21(), card)
    terms, log_prior, covariances = grid_over_sigma(design, card)
    by_row, log_density = [], []
    for covariance in covariances:
        precision = np.linalg.inv(covariance)
        variance = 1 / np.diag(precision)
        by_row.append(-0.5 * (np.log(2 * np.pi * variance) + (precision @ terms.y) ** 2 * variance))
        log_density.append(-0.5 * (np.linalg.slogdet(2 * np.pi * covariance)[1] + terms.y @ precision @ terms.y))
    by_row = np.array(by_row)
    without = (np.array(log_density) + log_prior)[:, None] - by_row
    expected = logsumexp(without + by_row, axis=0) - logsumexp(without, axis=0) - np.log(design.attrs["y_scale"])
    scores = leave_rows_out(design, card)
    assert scores["elpd"].to_numpy() == pytest.approx(expected, abs=QUADRATURE)
    assert float(scores["elpd"].sum()) == pytest.approx(expected.sum(), abs=4 * scores.attrs["mc_sd"] + QUADRATURE)


def test_leave_unit_out_and_leave_future_out_are_quadrature_over_sigma():
    card = make_card(**COMMON_IID)
    design = build_design(*nine_by_21(), card)
    terms, log_prior, covariances = grid_over_sigma(design, card)

    def score(rows, given):
        contrasts = period_contrasts(rows.size).T
        seen = [
            multivariate_normal(np.zeros(given.size), c[np.ix_(given, given)]).logpdf(terms.y[given])
            for c in covariances
        ]
        new = [conditional_log_density(c, terms.y, rows, given, contrasts) for c in covariances]
        weight = np.array(seen) + log_prior
        return logsumexp(weight + new) - logsumexp(weight) - (rows.size - 1) * np.log(design.attrs["y_scale"])

    everything = np.arange(terms.y.size)
    units = leave_units_out(design, card)
    for position in (0, 8):
        rows = np.flatnonzero(terms.unit_ix == position)
        expected = score(rows, np.setdiff1d(everything, rows))
        assert float(units["elpd"][position]) == pytest.approx(expected, abs=4 * QUADRATURE)
    future = leave_future_out(design, card, first=2013)
    for year in (2013, 2020):
        expected = score(np.flatnonzero(terms.period == year), np.flatnonzero(terms.period < year))
        assert float(future["elpd"].sel(period=year)) == pytest.approx(expected, abs=4 * QUADRATURE)


def refitted_score(design, card, row, points=3000):
    """log p(y_j | y_-j) from a fit of the panel without the row: its own mode, its own importance sample."""
    terms = build_terms(design, card)
    space = hyperparameters(terms, card)
    without = rows_of(terms, np.delete(np.arange(terms.y.size), row))
    model = Collapsed.of(without, card, space)
    computed = sample_by_importance(
        lambda vectors: model.conditional(space.values(vectors)).log_density + space.log_prior(vectors),
        space.start(),
        points,
        np.random.default_rng(row),
    )
    whole = HeldOut(Collapsed.of(terms, card, space))
    density = whole.row_log_density(space.values(computed.vectors))[:, row]
    return logsumexp(density, b=computed.weights) - np.log(design.attrs["y_scale"])


def test_leave_one_out_is_a_refit_without_the_row():
    panel, assignment = nine_by_21()
    panel["y"][3, 12] += 0.6  # one row that matters
    card = make_card()
    design = build_design(panel, assignment, card)
    scores = leave_rows_out(design, card)
    for row in (3 * 21 + 12, 100):
        assert float(scores["elpd"][row]) == pytest.approx(refitted_score(design, card, row), abs=2 * MONTE_CARLO)


@pytest.mark.calibration
@pytest.mark.parametrize("errors", [Errors(), Errors("random_walk"), Errors("ar1", "by_unit")], ids=str)
def test_leave_one_out_over_9_by_21_is_refits_without_each_row(errors):
    card = make_card(effects=Effects(treatment="by_unit"), errors=errors)
    uneven = {f"U{i}": 0.1 + 0.08 * (i % 4) for i in range(9)}
    design = build_design(*nine_by_21(innovation_sd=uneven), card)
    scores = leave_rows_out(design, card)["elpd"].to_numpy()
    rows = np.arange(0, 189, 1 if errors == Errors() else 5)
    refits = np.array([refitted_score(design, card, row, points=1000) for row in rows])
    assert scores[rows] == pytest.approx(refits, abs=0.15)  # the row furthest out, from 1,000 points
    assert np.mean(scores[rows] - refits) == pytest.approx(0, abs=0.01)


def test_a_row_with_a_sample_of_its_own_has_the_same_score(monkeypatch):
    card = make_card(effects=Effects(treatment="common"))
    design = build_design(*make_panel(), card)
    together = leave_rows_out(design, card)
    monkeypatch.setattr(leave_out, "KHAT_LIMIT", -10.0)
    monkeypatch.setattr(leave_out, "BLOCK_POINTS", 600)
    alone = leave_rows_out(design, card, points=600)
    assert alone["refitted"].all()
    assert not together["refitted"].any()
    assert alone["elpd"].to_numpy() == pytest.approx(together["elpd"].to_numpy(), abs=MONTE_CARLO)


@pytest.mark.parametrize("structure", ["ar1", "random_walk", "ar1_noise"])
def test_the_densities_of_some_rows_are_those_among_all(structure):
    _, terms, space, model = model_of(make_card(errors=Errors(structure, "by_unit")))
    values = space.values(space.start() + np.random.default_rng(1).normal(0, 0.4, (3, space.dimension)))
    rows = np.array([0, 5, terms.y.size - 1])
    some = HeldOut(model).row_log_density(values, rows)
    assert some == pytest.approx(HeldOut(model).row_log_density(values)[:, rows], abs=ROUNDING)


def test_rows_placed_by_the_sample_of_all_rows_have_the_scores_of_refits(monkeypatch):
    """A scale for each unit and one row far out: the posterior without it is another one."""
    panel, assignment = make_panel(holes=False)
    panel["y"][2, 4] += 1.5
    far_out = 2 * panel.sizes["period"] + 4
    card = make_card(effects=Effects(treatment="common"), errors=Errors("random_walk", "by_unit"))
    design = build_design(panel, assignment, card)
    monkeypatch.setattr(leave_out, "KHAT_LIMIT", -10.0)
    scores = leave_rows_out(design, card, points=2000)
    assert scores["refitted"].all()
    for row in (far_out, far_out + 1, 20):
        expected = refitted_score(design, card, row, points=8000)
        assert float(scores["elpd"][row]) == pytest.approx(expected, abs=4 * MONTE_CARLO)


@pytest.mark.parametrize("away", [0.0, 30.0], ids=["near", "far off"])
def test_a_sample_that_is_placed_badly_is_not_taken(away):
    card = make_card(errors=Errors("ar1", "by_unit"))
    design = build_design(*make_panel(), card)
    model = leave_out._Model.build(design, card)
    its_own = model.sample(2000, np.random.default_rng(0))
    near = dataclasses.replace(its_own, vectors=its_own.vectors + away)
    placed = model.sample_near(near, 2000, np.random.default_rng(1))
    assert placed.is_good
    assert placed.log_normaliser == pytest.approx(its_own.log_normaliser, abs=4 * MONTE_CARLO)


def test_in_other_units_every_score_moves_by_the_log_of_the_factor():
    panel, assignment = make_panel()
    card = make_card()
    scores = {}
    for factor in (1.0, 100.0):
        design = build_design(panel.assign(y=panel["y"] * factor), assignment, card)
        scores[factor] = (
            leave_rows_out(design, card, points=1000),
            leave_units_out(design, card),
            leave_future_out(design, card, first=2006),
        )
    for first_time, other in zip(scores[1.0], scores[100.0], strict=True):
        numbers = first_time["contrasts"].to_numpy() if "contrasts" in first_time else 1
        moved = (first_time["elpd"] - other["elpd"]).to_numpy()
        assert moved == pytest.approx(numbers * np.log(100.0), abs=ROUNDING)


def test_the_score_of_a_left_out_unit_does_not_depend_on_its_level_nor_that_of_a_year_on_its_shock():
    panel, assignment = make_panel(holes=False)
    card = make_card(effects=Effects(treatment="common"))
    design = build_design(panel, assignment, card)
    moved = panel.copy(deep=True)
    moved["y"][2] += 1.0
    moved["y"][:, -1] += 1.0
    other = build_design(moved, assignment, card)
    wide = 0.02  # the width of the wide priors follows the total spread, which moves
    units = [leave_units_out(first_time, card)["elpd"].to_numpy()[2] for first_time in (design, other)]
    years = [leave_future_out(first_time, card, first=2009)["elpd"].to_numpy() for first_time in (design, other)]
    assert units[0] == pytest.approx(units[1], abs=wide)
    assert years[0] == pytest.approx(years[1], abs=wide)


def test_a_unit_that_was_never_seen_does_not_count_in_the_future_and_a_single_row_has_no_contrast():
    panel, assignment = make_panel(holes=False)
    panel["y"][5, :-1] = np.nan
    design = build_design(panel, assignment, make_card())
    future = leave_future_out(design, make_card(), first=2008)
    assert future["contrasts"].to_numpy().tolist() == [4, 4]
    units = leave_units_out(design, make_card())
    assert np.isnan(units["elpd"].to_numpy()).tolist() == [False] * 5 + [True]


def test_the_data_prefer_the_errors_that_made_them():
    """Planted: serial dependence, and a scale for each unit."""
    units = [f"U{i}" for i in range(9)]
    cards = {
        "iid": make_card(errors=Errors("iid")),
        "ar1": make_card(),
        "scale": make_card(errors=Errors("ar1", "by_unit")),
    }

    def best(**settings):
        panel, assignment = nine_by_21(**settings)
        scores = {
            name: float(leave_rows_out(build_design(panel, assignment, card), card, points=2000)["elpd"].sum())
            for name, card in cards.items()
        }
        return max(scores, key=scores.get), scores

    assert best(rho=0.0, errors="iid", seed=2)[0] in ("iid", "ar1")  # rho = 0 is inside ar1
    computed, scores = best(rho=0.8, seed=3)
    assert computed in ("ar1", "scale")
    assert scores["ar1"] - scores["iid"] > 20
    uneven = dict(zip(units, [0.05, 0.5, 0.1, 0.8, 0.1, 0.05, 0.6, 0.2, 0.4], strict=True))
    computed, scores = best(innovation_sd=uneven, seed=4)
    assert computed == "scale"
    assert scores["scale"] - scores["ar1"] > 10


def test_a_sampled_card_is_refused():
    panel, assignment = make_panel()
    card = make_card(likelihood=Likelihood("student_t"))
    with pytest.raises(InputError, match="does not cover the card"):
        leave_rows_out(Analysis(panel, assignment, card).design, card)


def test_the_same_seed_gives_the_same_scores():
    card = dataclasses.replace(make_card(), sampler=Sampler(proposals=400))
    design = build_design(*make_panel(), card)
    first_time, again = (leave_units_out(design, card, seed=3)["elpd"].to_numpy() for _ in range(2))
    assert first_time.tobytes() == again.tobytes()


def test_a_point_whose_precision_is_lost_has_no_density_and_no_word_is_said():
    _, terms, space, model = model_of(make_card(shocks=Shocks("ar1")))
    hyper = {name: np.repeat(value, 2) for name, value in space.values(space.start()[None]).items()}
    hyper["sigma"][1] = np.nan  # as after an overflow
    year = np.flatnonzero(terms.period == 2007)
    density = HeldOut(model).contrast_log_density(hyper, year, period_contrasts(year.size).T)
    assert np.isfinite(density[0])
    assert density[1] == -np.inf
