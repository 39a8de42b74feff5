"""Cards with a log link: the PyMC model against a density that shares no code, PPML as its mode, and free units."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy.optimize import minimize

from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.log_link import level_rows
from bri_bayes.frequentist.poisson import fit_ppml, poisson_data
from bri_bayes.models.level_model import LEVEL_DATA, add_levels
from bri_bayes.models.linear import build_linear
from bri_bayes.study.model_card import Effects, Errors, Likelihood, ModelCard, Shocks

from .levels import log_density

TOLERANCE = 1e-9
ONSET, YEARS = 2005, np.arange(2000, 2010)
UNITS = ("A", "B", "C", "D", "E", "F")
ASSIGNMENT = Assignment({unit: ONSET if unit in "ABC" else None for unit in UNITS})


def levels_with_zeros(seed: int = 1) -> np.ndarray:
    """(unit, period) levels around a hundred: zeros before and after, two gaps."""
    panel, _ = simulate_panel(ASSIGNMENT, YEARS, effect=0.3, innovation_sd=0.4, seed=seed)
    level = np.exp(panel["y"].transpose("unit", "period").to_numpy() + 4)
    level[0, 2] = level[1, 7] = level[4, 0] = level[4, 1] = 0.0
    level[2, 3] = level[5, 6] = np.nan
    return level


def analysis(level: np.ndarray, **changes: Any) -> Analysis:
    panel, _ = simulate_panel(ASSIGNMENT, YEARS, seed=0)
    panel["y"] = (("unit", "period"), level, {"transform": "none"})
    panel["x"] = (("unit", "period"), np.random.default_rng(7).normal(size=level.shape))
    return Analysis(panel, ASSIGNMENT, ModelCard(**({"name": "test", "title": "test", "outcome": "y"} | changes)))


CARDS = {
    "negative binomial ar1": {"likelihood": Likelihood("negative_binomial")},
    "negative binomial iid, scale by unit": {
        "likelihood": Likelihood("negative_binomial"), "errors": Errors("iid", "by_unit"), "covariates": ("x",),
    },
    "negative binomial, shared shocks": {
        "likelihood": Likelihood("negative_binomial"), "shocks": Shocks("like_errors"),
        "effects": Effects(treatment="common"),
    },
    "poisson ar1": {"likelihood": Likelihood("poisson"), "effects": Effects(treatment="event_time")},
    "poisson random walk, trends": {
        "likelihood": Likelihood("poisson"), "errors": Errors("random_walk"),
        "effects": Effects(treatment="by_unit", trend="unit_linear"),
    },
    "gamma ar1": {"likelihood": Likelihood("gamma"), "effects": Effects(treatment="by_unit")},
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Written:
    """The PyMC model of an analysis, the log density of its levels and their path in log points : (obs,), symbolic."""

    model: Any
    density: Any
    path: Any

    @classmethod
    def of(cls, recipe: Analysis) -> Written:
        design, card = recipe.design, recipe.card
        seen: list[Any] = []

        def observe(mu: Any) -> None:
            seen.append(mu)
            add_levels(design, card, mu)

        model = build_linear(design, card, errors=observe)
        path = seen[0]
        if card.shocks.process != "none":
            rows, group = design["unit_ix"].to_numpy(), design["group_ix"].to_numpy()
            shock = model["shock"][np.maximum(group, 0)[rows], design["period_ix"].to_numpy()]
            path = path + shock * (group >= 0)[rows]
        density = model.logp(vars=[*model.observed_RVs, *model.potentials], jacobian=False)
        return cls(model, density, *model.replace_rvs_by_values([path]))

    def evaluate(self, outputs: list[Any]) -> Any:
        values = self.model.replace_rvs_by_values(outputs)
        return self.model.compile_fn(values, mode="FAST_COMPILE", on_unused_input="ignore")

    def point(self, seed: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        return {name: value + rng.normal(0, 0.3, np.shape(value)) for name, value in self.model.initial_point().items()}


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
def test_the_density_of_levels_is_that_of_a_witness_that_shares_no_code(changes: dict[str, Any]) -> None:
    level = levels_with_zeros()
    if changes["likelihood"].family == "gamma":
        level[level == 0] = np.nan
    recipe = analysis(level, **changes)
    design, card = recipe.design, recipe.card
    written = Written.of(recipe)
    model = written.model
    names = ["sigma_unit" if card.errors.scale == "by_unit" else "sigma"]
    names += [name for name in ("rho", "noise") if name in model.named_vars]
    evaluate = written.evaluate([written.density, written.path, *(model[name] for name in names)])
    unit = design.attrs["y_scale"]
    for seed in (1, 2, 3):
        density, path, sigma, *others = evaluate(written.point(seed))
        named = dict(zip(names[1:], others, strict=True))
        table = np.zeros(level.shape)
        table[design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()] = unit * path
        expected = log_density(
            level / np.exp(design.attrs["y_center"]), table, YEARS.astype(float),
            family=card.likelihood.family, structure=card.errors.structure,
            s=unit * np.broadcast_to(sigma, len(UNITS)), rho=float(named.get("rho", 0.0)),
            lump=float(unit * named.get("noise", np.nan)) ** 2,
        )  # fmt: skip
        assert float(density) == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize("family", ["negative_binomial", "poisson"])
def test_a_model_whose_levels_are_exchanged_has_the_density_of_a_model_that_was_made_for_them(family: str) -> None:
    first, second = levels_with_zeros(), levels_with_zeros(2)
    second[0, 2], second[3, 5] = 55.0, 0.0  # other rows are zero, and other rows are remembered
    made_for, other = (analysis(level, likelihood=Likelihood(family)) for level in (second, first))
    written, model = Written.of(made_for), build_linear(other.design, other.card, exchangeable_outcome=True)
    pm.set_data({f"{LEVEL_DATA}{name}": value for name, value in vars(level_rows(made_for.design)).items()}, model)
    point = written.point(8)
    density = model.logp(vars=model.potentials, jacobian=False)
    exchanged = model.compile_fn(density, mode="FAST_COMPILE", on_unused_input="ignore")(point)
    assert float(exchanged) == pytest.approx(float(written.evaluate([written.density])(point)[0]), rel=TOLERANCE)


@pytest.mark.parametrize("family", ["negative_binomial", "poisson"])
def test_dollars_and_millions_have_one_posterior(family: str) -> None:
    densities = []
    for units in (1.0, 1e6):
        recipe = analysis(
            units * levels_with_zeros(), likelihood=Likelihood(family), effects=Effects(treatment="common")
        )
        written = Written.of(recipe)
        densities.append(float(written.evaluate([written.density])(written.point(5))[0]))
    assert densities[1] == pytest.approx(densities[0], rel=1e-8)


def test_a_level_and_its_logarithm_have_one_posterior_where_nothing_is_zero() -> None:
    level = levels_with_zeros()
    level[level == 0] = np.nan
    of_level = analysis(level, likelihood=Likelihood("negative_binomial"))
    of_log = of_level.replace(panel=of_level.panel.assign(y=(("unit", "period"), np.log(level), {"transform": "log"})))
    a, b = (Written.of(recipe) for recipe in (of_level, of_log))
    assert a.evaluate([a.density])(a.point(6))[0] == pytest.approx(float(b.evaluate([b.density])(b.point(6))[0]))
    assert of_level.digest != of_log.digest


def test_ppml_is_where_the_levels_of_the_poisson_card_are_densest() -> None:
    recipe = analysis(
        levels_with_zeros(),
        likelihood=Likelihood("poisson"),
        errors=Errors("iid"),
        effects=Effects(treatment="common"),
        covariates=("x",),
    )
    design, written = recipe.design, Written.of(recipe)
    free = [
        written.model.rvs_to_values[written.model[name]] for name in ("unit_effect", "period_effect", "level", "beta")
    ]
    slope = written.evaluate([written.density, *pt.grad(written.density, free)])
    start = written.model.initial_point()
    names = [variable.name for variable in free]

    def downhill(x: np.ndarray) -> tuple[float, np.ndarray]:
        pieces = np.split(x, np.cumsum([np.size(start[name]) for name in names])[:-1])
        at = {name: piece.reshape(np.shape(start[name])) for name, piece in zip(names, pieces, strict=True)}
        density, *gradient = slope(start | at)
        return -float(density), -np.concatenate([np.ravel(part) for part in gradient])

    at_start = np.concatenate([np.ravel(start[name]) for name in names])
    top = minimize(downhill, at_start, jac=True, options={"gtol": 1e-7, "maxiter": 2000}).x
    data, separated = poisson_data(design, design["y"].to_numpy())
    assert separated.sentence is None
    tau, beta = fit_ppml(data).coefficients
    unit = design.attrs["y_scale"]
    assert unit * top[-2] == pytest.approx(tau, abs=1e-5)
    assert unit * top[-1] / float(design["x_scale"][0]) == pytest.approx(beta, abs=1e-5)
