"""The engine for many outcomes against the engine for one, closed forms, and its own promises."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_errors
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import build_design
from bri_bayes.estimands.linear import att_effect
from bri_bayes.frequentist.many import TWFE_IID, linear_tests
from bri_bayes.inference import fit
from bri_bayes.inference.batch import LEAST_ESS, _att, _ManyOutcomes, att_of_many
from bri_bayes.inference.equal_outcomes import covers_equal
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.study.model_card import Effects, Errors, Sampler, load_card

from .panels import make_card, make_panel

# Monte Carlo error of two importance samples of some hundred effective points: of a mean and of an end of an interval,
# in posterior sds; of an sd, as a share of it.
MEAN, END, SPREAD = 0.05, 0.1, 0.05
# Two ways to the same sum of some hundred terms.
ROUNDING = 1e-8
# The limit of wide priors: this share of the standard error (the promise of the ordinary engine).
TWFE_SHARE = 1e-3
# The promise is 6 s on one idle core; the test machine may be busy.
SECONDS = 24
# Enough draws that the ordinary engine adds little to the error of the comparison.
PRECISE = Sampler(draws=2000, proposals=2000)

CARDS = {
    "flat": {"effects": Effects(treatment="common")},
    "iid": {"effects": Effects(treatment="common"), "errors": Errors("iid")},
    "random walk": {"errors": Errors("random_walk")},
    "correlated periods": {"effects": Effects(period="correlated"), "covariates": ("x",)},
    "unit trends": {"effects": Effects(trend="unit_linear"), "covariates": ("x",)},
    "no pooling": {"effects": Effects(pooling="none")},
    "leads": {"effects": Effects(treatment="event_time", leads=True)},
    "window": {"effects": Effects(leads=True, window=(-3, 2))},
    "modifier": {"modifiers": ("x",)},
    "modifier slopes by unit": {"modifiers": ("x",), "effects": Effects(modifier_slopes="by_unit")},
}
BALANCED = {name: changes for name, changes in CARDS.items() if not {"covariates", "modifiers"} & set(changes)}


def panel_and_outcomes(count, *, seed=1, rho=0.7, structure="ar1", holes=True, n_units=6, n_periods=10):
    """A panel, its assignment, and ``count`` other outcomes (outcome, unit, period) for it, NaN where it has none."""
    panel, assignment = make_panel(seed=seed, holes=holes, n_units=n_units, n_periods=n_periods)
    rng = np.random.default_rng(seed)
    levels = 2 * rng.normal(size=(count, n_units, 1))
    errors = simulate_errors(rng, (count, n_units, n_periods), structure=structure, rho=rho)
    return panel, assignment, np.where(np.isfinite(panel["y"].to_numpy()), levels + errors, np.nan)


def rows_of(design, outcomes):
    return outcomes[:, design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()]


def assert_agrees_with_fit(panel, assignment, card, outcomes, **options):
    """Each posterior against ``fit`` of the panel with that outcome."""
    design = build_design(panel, assignment, card)
    ours = att_of_many(design, card, rows_of(design, outcomes), **options)
    for i, outcome in enumerate(outcomes):
        changed = panel.assign(y=(("unit", "period"), outcome))
        precise = dataclasses.replace(card, sampler=PRECISE)
        record = att_effect(fit(Analysis(changed, assignment, precise), engine="marginal", pointwise=False)).as_dict()
        sd = record["sd"]
        assert float(ours["mean"][i]) == pytest.approx(record["mean"], abs=MEAN * sd)
        assert float(ours["sd"][i]) == pytest.approx(sd, rel=SPREAD)
        assert float(ours["lower"][i]) == pytest.approx(record["lower"], abs=END * sd)
        assert float(ours["upper"][i]) == pytest.approx(record["upper"], abs=END * sd)
        assert float(ours["p_positive"][i]) == pytest.approx(record["p_positive"], abs=0.02)
    return ours


def test_six_posteriors_of_the_main_card_are_those_of_fit():
    panel, assignment, outcomes = panel_and_outcomes(6, n_units=9, n_periods=16)
    assert_agrees_with_fit(panel, assignment, dataclasses.replace(load_card("did"), outcome="y"), outcomes)


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
def test_every_kind_of_card_agrees_with_fit(changes):
    assert_agrees_with_fit(*_with_card(panel_and_outcomes(4, seed=2), make_card(**changes)))


def _with_card(made, card):
    panel, assignment, outcomes = made
    return panel, assignment, card, outcomes


@pytest.mark.parametrize("changes", BALANCED.values(), ids=BALANCED.keys())
@pytest.mark.parametrize("n_treated", [1, 3])
def test_on_a_balanced_panel_products_with_sums_of_units_are_the_general_engine(changes, n_treated):
    panel, assignment, outcomes = panel_and_outcomes(12, seed=12, holes=False)
    card = make_card(**changes)
    assignment = assignment.swap(assignment.units[:n_treated], 2006)
    design = build_design(panel, assignment, card)
    assert covers_equal(design, card)
    model = _ManyOutcomes.build(design, card, _att)
    start = model.model.space.start()
    vectors = start + 0.5 * np.random.default_rng(1).standard_normal((20, start.size))
    general = dataclasses.replace(model, equal=None)
    y = rows_of(design, outcomes)
    for ours, theirs in zip(model.evaluate(vectors, y), general.evaluate(vectors, y), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9, abs=ROUNDING)


def test_a_gap_a_covariate_or_a_second_onset_goes_the_general_way():
    panel, assignment, _ = panel_and_outcomes(1, holes=False)
    with_gap, _, _ = panel_and_outcomes(1)
    card, adjusted = make_card(), make_card(covariates=("x",))
    staggered = Assignment({**assignment.first_treated, "U0": 2004})
    for some in ((with_gap, assignment, card), (panel, assignment, adjusted), (panel, staggered, card)):
        assert not covers_equal(build_design(*some), some[2])


def test_an_outcome_that_the_common_points_miss_gets_its_own_and_agrees_with_fit():
    panel, assignment, smooth = panel_and_outcomes(3, seed=3, structure="random_walk", n_periods=16)
    _, _, rough = panel_and_outcomes(3, seed=3, rho=-0.9, n_periods=16)
    outcomes = np.concatenate([smooth, rough])
    posteriors = assert_agrees_with_fit(panel, assignment, make_card(), outcomes, points=200)
    assert posteriors["alone"].any()


def test_what_is_not_alone_has_good_weights():
    panel, assignment, outcomes = panel_and_outcomes(50, seed=4)
    design = build_design(panel, assignment, make_card())
    posteriors = att_of_many(design, make_card(), rows_of(design, outcomes), points=1000)
    together = posteriors.isel(outcome=~posteriors["alone"].to_numpy())
    assert float(together["khat"].max()) < KHAT_LIMIT
    assert float(together["ess"].min()) >= LEAST_ESS


def test_multiplying_outcomes_by_100_multiplies_the_answers_by_100_and_constants_change_none():
    panel, assignment, outcomes = panel_and_outcomes(5, seed=5)
    card = make_card(covariates=("x",))
    design = build_design(panel, assignment, card)
    y = rows_of(design, outcomes)
    in_units, other = att_of_many(design, card, y), att_of_many(design, card, 100 * y + 7)
    for name, factor in {"mean": 100, "sd": 100, "lower": 100, "upper": 100, "p_positive": 1, "ess": 1}.items():
        assert other[name].to_numpy() == pytest.approx(factor * in_units[name].to_numpy(), rel=1e-4)


def test_the_outcome_of_the_design_does_not_matter():
    panel, assignment, outcomes = panel_and_outcomes(3, seed=6)
    design = build_design(panel, assignment, make_card())
    y = rows_of(design, outcomes)
    in_units = att_of_many(design, make_card(), y)
    other = att_of_many(design.assign(y=design["y"] ** 2).assign_attrs(y_scale=9.0), make_card(), y)
    assert in_units.equals(other)


def test_with_wide_priors_and_iid_errors_every_posterior_mean_is_twfe():
    panel, assignment, outcomes = panel_and_outcomes(25, seed=7, rho=0.0)
    card = dataclasses.replace(load_card("twfe_limit"), outcome="y", covariates=("x",))
    design = build_design(panel, assignment, card)
    y = rows_of(design, outcomes)
    twfe = linear_tests(design, y).answers(0.0)[TWFE_IID].estimate
    ours = att_of_many(design, card, y)
    assert np.abs(ours["mean"].to_numpy() - twfe).max() < TWFE_SHARE * float(ours["sd"].min())


def test_the_quantiles_of_a_mixture_are_roots_of_its_distribution_function():
    rng = np.random.default_rng(8)
    weights = rng.dirichlet(np.full(7, 0.3), size=6)
    mixtures = NormalMixtures(weights, rng.normal(0, 5, (6, 7)), rng.uniform(0.1, 3, 7))
    for p in (0.025, 0.3, 0.975):
        for i, ours in enumerate(mixtures.quantile(p)):
            means = mixtures.means[i]

            def excess(x, i=i, means=means, p=p):
                return weights[i] @ norm.cdf(x, means, mixtures.sds) - p

            assert ours == pytest.approx(brentq(excess, -50, 50), abs=1e-3)


def test_one_component_is_a_normal_distribution():
    in_units = NormalMixtures(np.ones((1, 1)), np.array([[2.0]]), np.array([3.0]))
    assert in_units.mean[0] == 2
    assert in_units.sd[0] == 3
    assert in_units.quantile(0.975)[0] == pytest.approx(norm.ppf(0.975, 2, 3), abs=ROUNDING)
    assert in_units.cdf(np.zeros(1))[0] == pytest.approx(norm.cdf(0, 2, 3), abs=ROUNDING)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_points():
    panel, assignment, outcomes = panel_and_outcomes(3, seed=9)
    design = build_design(panel, assignment, make_card())
    y = rows_of(design, outcomes)
    first, again, other = (att_of_many(design, make_card(), y, seed=seed) for seed in (1, 1, 2))
    assert first["lower"].to_numpy().tobytes() == again["lower"].to_numpy().tobytes()
    assert not np.array_equal(first["lower"], other["lower"])


def test_what_cannot_be_answered_together_is_refused_with_a_reason():
    panel, assignment, outcomes = panel_and_outcomes(2, seed=10)
    design = build_design(panel, assignment, make_card())
    y = rows_of(design, outcomes)
    with pytest.raises(InputError, match="not a normal linear card with a common error scale"):
        att_of_many(design, make_card(errors=Errors("ar1", "by_unit")), y)
    with pytest.raises(InputError, match=r"outcomes have the shape \(2, 3\); the design needs \(outcomes, \d+\)"):
        att_of_many(design, make_card(), y[:, :3])
    with pytest.raises(InputError, match="outcome 1 of 2 has missing values"):
        att_of_many(design, make_card(), np.where([[False], [True]], np.nan, y))
    effects_only = design["unit_ix"].to_numpy() + 2.0 * design["period_ix"].to_numpy()
    with pytest.raises(InputError, match="outcome 0 of 2 is explained completely by unit and period effects"):
        att_of_many(design, make_card(), np.stack([effects_only, y[0]]))


@pytest.mark.calibration
def test_a_thousand_panels_of_nine_countries_take_seconds(within):
    units = [f"U{i}" for i in range(9)]
    assignment = Assignment({unit: 2013 if i < 5 else None for i, unit in enumerate(units)})
    rng = np.random.default_rng(11)
    errors = simulate_errors(rng, (1000, 9, 21), rho=0.8)
    panel, _ = make_panel(holes=False, n_units=9, n_periods=21)
    panel = panel.assign_coords(unit=units, period=np.arange(2003, 2024))
    card = dataclasses.replace(load_card("did"), outcome="y")
    design = build_design(panel, assignment, card)
    with within(SECONDS):
        posteriors = att_of_many(design, card, rows_of(design, errors))
    assert int(posteriors["alone"].sum()) < 50
