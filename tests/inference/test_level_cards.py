"""Cards with a log link: effects in levels with zeros, what the data leave open, and what is refused."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from bri_bayes.app.notebook.regression_table import regression_table
from bri_bayes.app.notebook.result import DidResult
from bri_bayes.checks.level_predictive import level_checks
from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.log_link import memory, zeros_that_decide
from bri_bayes.estimands.comparison import require_same_rows
from bri_bayes.estimands.effects import additional_trade, counterfactual, observed_path, percent
from bri_bayes.estimands.linear import att_effect, effects_by_cell
from bri_bayes.frequentist import ppml_rows
from bri_bayes.frequentist.level_rows import is_of_a_level, of_logarithm, ppml_of
from bri_bayes.inference import fit
from bri_bayes.inference.fitting import is_trustworthy
from bri_bayes.report.main_answer import main_steps
from bri_bayes.study.model_card import Effects, Errors, Likelihood, ModelCard, Sampler, load_card

UNITS = tuple("ABCDEFGH")
ASSIGNMENT = Assignment({unit: 2006 if unit in "ABCD" else None for unit in UNITS})
YEARS = range(2000, 2012)
EFFECT = 0.6


def panel_of(level: np.ndarray, transform: str = "none") -> xr.Dataset:
    panel, _ = simulate_panel(ASSIGNMENT, YEARS, seed=0)
    panel["y"] = (("unit", "period"), level, {"transform": transform, "level_to_usd": 1e6})
    return panel


def lumpy_levels(seed: int, size: float = 4.0) -> np.ndarray:
    """Flows in lumps of ``size``, on average about twenty, with the effect on the log of the mean; some are zero."""
    rng = np.random.default_rng(seed)
    truth, _ = simulate_panel(ASSIGNMENT, YEARS, effect=EFFECT, unit_effects=0.8, innovation_sd=1e-6, seed=seed)
    mean = np.exp(truth["y"].transpose("unit", "period").to_numpy() + 3.0)
    noisy = mean * rng.gamma(1 / 0.3**2, 0.3**2, mean.shape)
    return np.asarray(size * rng.poisson(noisy / size))


def recipe(level: np.ndarray, family: str = "negative_binomial", **changes: object) -> Analysis:
    settings = {"name": "levels", "title": "levels", "outcome": "y", "likelihood": Likelihood(family), **changes}
    return Analysis(panel_of(level), ASSIGNMENT, ModelCard(**settings))


@pytest.fixture(scope="module")
def fitted():
    sampler = Sampler(chains=2, draws=500, tune=600, target_accept=0.95)
    return fit(recipe(lumpy_levels(3), effects=Effects(treatment="by_unit"), sampler=sampler), seed=2)


@pytest.mark.nuts
def test_an_effect_on_levels_with_zeros_comes_back(fitted):
    level = fitted.posterior["observed_data"]["y"].to_numpy()
    assert 0.02 < (level == 0).mean() < 0.3
    effect = att_effect(fitted)
    assert is_trustworthy(fitted)
    assert abs(effect.mean - EFFECT) < 2.5 * effect.sd
    assert effect.sd < 0.3


@pytest.mark.nuts
def test_each_country_and_year_has_an_effect_a_percentage_and_an_amount(fitted):
    cells = effects_by_cell(fitted)
    assert {unit: len(years) for unit, years in cells.items()} == dict.fromkeys("ABCD", 6)
    draws = fitted.posterior["posterior"]["effect"]
    assert float(percent(draws.mean(), fitted)) == pytest.approx(100 * np.expm1(float(draws.mean())))
    without, seen = counterfactual(fitted).sel(unit="A", period=2008), observed_path(fitted).sel(unit="A", period=2008)
    effect = draws.sel(treated_unit="A", event_time=2)
    np.testing.assert_allclose(without.to_numpy(), float(seen) * np.exp(-effect.to_numpy()))
    treated = observed_path(fitted).sel(period=2008) - counterfactual(fitted).sel(period=2008)
    amount = additional_trade(fitted).sel(period=2008)
    np.testing.assert_allclose(amount.to_numpy(), 1e6 * treated.sum("unit").transpose("chain", "draw").to_numpy())


@pytest.mark.nuts
def test_panels_made_by_the_posterior_have_as_many_zeros_and_such_levels(fitted):
    checks = {check.statistic: check for check in level_checks(fitted)}
    assert set(checks) == {"zeros", "zeros_treated", "largest_change"}
    assert not any(check.extreme for check in checks.values())
    made = fitted.posterior["posterior_predictive"]["y"].to_numpy()
    assert (made >= 0).all()
    observed = fitted.posterior["observed_data"]["y"].to_numpy()
    assert made.mean() == pytest.approx(observed.mean(), rel=0.15)


def test_a_row_remembers_the_last_year_with_a_flow():
    level = lumpy_levels(3) + 1.0
    level[0, 3] = level[0, 4] = level[1, 0] = 0.0
    level[0, 6] = np.nan
    remembered = memory(recipe(level).design)
    assert remembered.gap[:8].tolist() == [0, 1, 1, 1, 2, 3, 2, 1]
    assert remembered.before[3:6].tolist() == [2, 2, 2]
    assert remembered.gap[11:13].tolist() == [0, 0]


def test_a_country_with_zeros_alone_on_one_side_is_named():
    level = lumpy_levels(3) + 1.0
    level[0, :6] = 0.0
    level[2, 6:] = 0.0
    design, card = recipe(level).design, recipe(level).card
    before, after = zeros_that_decide(design, card)
    assert before.startswith("A: zeros alone before its onset, so the data put no upper end on the effect")
    assert after.startswith("C: zeros alone from its onset on, so the data put no lower end on the effect")
    common = dataclasses.replace(card, effects=Effects(treatment="common"))
    assert zeros_that_decide(design, common) == []


def test_a_year_after_the_onset_with_zeros_alone_is_named():
    level = lumpy_levels(3) + 1.0
    level[:4, 9] = 0.0
    analysis = recipe(level)
    assert zeros_that_decide(analysis.design, analysis.card)[0].startswith("Event time 3: zeros alone")


def changed(cells: dict[tuple[object, object], float]) -> np.ndarray:
    level = lumpy_levels(3) + 1.0
    for at, value in cells.items():
        level[at] = value
    return level


@pytest.mark.parametrize(
    ("cells", "family", "sentence"),
    [
        ({(1, 2): -3.0}, "poisson", 'models levels from zero on: "y" is -3 for "B" 2002'),
        ({(1, 2): 0.0, (5, 1): 0.0}, "gamma", 'is zero for "B" 2002 and 1 more; the family "negative_binomial" takes'),
        ({(slice(None), slice(None)): 0.0}, "negative_binomial", 'every level of "y" is zero'),
        ({(6, slice(None)): 0.0}, "negative_binomial", '"y" is zero in every row of G, which says nothing'),
        ({(slice(None), 4): 0.0}, "poisson", '"y" is zero in every row of 2004, which says nothing'),
        ({(slice(0, 4), slice(0, 6)): 0.0}, "poisson", "of the treated units before the onset: the change of its log"),
        ({(slice(0, 4), slice(6, 12)): 0.0}, "poisson", "of the treated units from the onset on"),
        ({(slice(None), slice(None)): 7.0}, "poisson", "is constant|completely"),
    ],
)
def test_what_has_no_log_link_is_refused_in_a_sentence(cells, family, sentence):
    with pytest.raises(InputError, match=sentence):
        _ = recipe(changed(cells), family).design


def test_a_card_of_levels_is_not_compared_with_cards_of_another_scale():
    analyses = {"levels": recipe(changed({})), "did": recipe(changed({}), "normal")}
    with pytest.raises(InputError, match='"levels" models another scale of the outcome'):
        require_same_rows(analyses)


def test_beside_a_posterior_of_levels_stand_ppml_on_all_rows_and_least_squares_of_the_logarithm():
    level = changed({(0, 3): 0.0, (6, 2): 0.0})
    asked = recipe(level)
    assert is_of_a_level(asked)
    compared = of_logarithm(asked)
    assert (asked.design.sizes["obs"], compared.design.sizes["obs"]) == (96, 94)
    assert compared.design.attrs["outcome_transform"] == "log"
    assert [row.estimate for row in ppml_of(asked)] == [row.estimate for row in ppml_rows(asked.design, level.ravel())]
    plain = recipe(level, "normal")
    assert of_logarithm(plain) is plain
    assert ppml_of(plain) == []


def test_a_study_has_a_card_of_levels_on_logarithms_alone():
    study = SimpleNamespace(
        outcomes={"y": SimpleNamespace(published=None)},
        assignment=ASSIGNMENT,
        claims=(),
        adjusted=lambda card: card,
    )
    card = load_card("did_negative_binomial")
    with pytest.raises(InputError, match='give the outcome transform = "log", or ask bri-bayes estimate'):
        main_steps(study, panel_of(changed({})), {card.name: card}, 0)
    in_logs = main_steps(study, panel_of(np.log(changed({})), "log"), {card.name: card}, 0)
    assert [step.parts for step in in_logs] == [("fit", "y", card.name), ("frequentist", "y")]


def test_least_squares_is_absent_where_no_treated_level_is_positive_before():
    level = changed({(slice(0, 4), slice(0, 6)): 0.0})
    level[0, 2] = 3.0
    level[0, 6:] = 0.0
    assert of_logarithm(recipe(level)) is None


def test_the_cards_of_levels_that_ship_say_their_law_and_their_memory():
    for name in ("did_negative_binomial", "did_poisson"):
        card = load_card(name)
        assert card.has_log_link
        assert not card.is_marginal
    with pytest.raises(ValueError, match="ar1_noise need the family"):
        dataclasses.replace(load_card("did_poisson"), errors=Errors("ar1_noise"))


@pytest.mark.nuts
def test_a_regression_table_counts_the_rows_of_each_column(fitted):
    result = DidResult(fitted, (), seed=0, shown_first=False)
    table = regression_table([result], rows=["rows"], least_squares=[("twfe", "cluster")])
    level = fitted.posterior["observed_data"]["y"].to_numpy()
    assert table.iloc[0].tolist() == [str(level.size), str((level > 0).sum())]
