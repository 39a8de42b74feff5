"""Are our intervals honest? Size, bias, coverage and length of every test over kinds of errors, by simulation.

Panels without and with a known effect tau on the rows of a design,

    y_it = tau D_it + e_it,    e_it = rho e_i,t-1 + u_it,    u_it ~ N(0, s_i^2)

with s_i = 1, or larger for treated units (``Scenario``). Every answer is in sds of an innovation of a control unit.
And the checks on whole panels: how often do placebos find a planted effect, and how often one that is not there?

Source: Bertrand, Duflo & Mullainathan (2004), QJE 119(1), doi:10.1162/003355304772839588; MacKinnon & Webb (2017),
J. Appl. Econometrics 32(2), doi:10.1002/jae.2508, for few treated clusters with other variances.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bri_bayes.checks.placebo_predictive import predictive_values
from bri_bayes.checks.placebo_space import any_country
from bri_bayes.checks.pretrend import SLOPE, slope_recipe
from bri_bayes.core.arrays import Array
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_errors, simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import Design
from bri_bayes.evaluation.power import RANDOM_WALK, characteristics, posterior_answers, simulated_errors
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.frequentist.many import Answers, linear_tests
from bri_bayes.inference.batch import att_of_many, coefficient_of_many
from bri_bayes.study.model_card import ModelCard

COLUMNS = ("scenario", "test", "size", "size_error", "bias", "bias_error", "coverage", "length")
RATES = ("check", "planted", "rate", "panels")


@dataclass(frozen=True)
class Scenario:
    """How errors are made: ``rho`` (1 for a random walk), and the innovations of treated units against controls'."""

    name: str
    rho: float
    treated_scale: float = 1.0


SCENARIOS = (
    Scenario("rho 0", 0.0),
    Scenario("rho 0.5", 0.5),
    Scenario("rho 0.8", 0.8),
    Scenario("random walk", RANDOM_WALK),
    Scenario("rho 0.5, treated three times as restless", 0.5, 3.0),
)


def golden_assignment() -> tuple[Assignment, range]:
    """Five of nine units treated, 21 years, onset at the 11th."""
    return Assignment({f"U{i}": 2010 if i < 5 else None for i in range(9)}), range(2000, 2021)


def error_rates(
    design: Design, cards: Mapping[str, ModelCard], scenario: Scenario, *, effect: float, panels: int, seed: int = 0
) -> pd.DataFrame:
    """A row a test: ``COLUMNS``. Size without an effect; bias, coverage and length with ``effect``.

    ``cards`` : name -> model whose posterior is a test, too. ``size_error``, ``bias_error`` : their simulation errors.
    """
    errors = scenario_errors(design, scenario, panels, seed)
    tests = linear_tests(design, errors)
    silent, loud = tests.answers(0.0), tests.answers(effect)
    treated = design["treated"].to_numpy().astype(float)
    for name, card in cards.items():
        both = att_of_many(design, card, np.concatenate([errors, errors + effect * treated]), seed=seed).to_dataframe()
        silent[name] = posterior_answers(both.iloc[:panels], 0.0)
        loud[name] = posterior_answers(both.iloc[panels:], effect)
    rows = [{"scenario": scenario.name, "test": name, **_row(silent[name], loud[name], effect)} for name in silent]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def scenario_errors(design: Design, scenario: Scenario, panels: int, seed: int) -> Array:
    """Errors (panel, obs) on the rows of ``design``."""
    scale = np.where(np.isfinite(design["first_treated"].to_numpy()), scenario.treated_scale, 1.0)
    return np.asarray(simulated_errors(design, scenario.rho, 1.0, panels, seed) * scale[design["unit_ix"].to_numpy()])


def placebo_rates(
    card: ModelCard, effects: Sequence[float], *, panels: int, simulated: int = 100, points: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """A row an effect and check: how often the share of all 126 groups, and of worlds without, is at most 5%.

    On ``panels`` panels of five treated and four control units, 18 years, rho 0.5, innovations of sd 0.1.
    """
    assignment = Assignment({f"U{i}": 2010 if i < 5 else None for i in range(9)})
    rows = []
    for effect in effects:
        found: dict[str, list[bool]] = {"in space": [], "posterior predictive": []}
        for panel_seed in range(panels):
            rng = np.random.default_rng([seed, panel_seed])
            panel, _ = simulate_panel(
                assignment, range(2000, 2018), effect=effect, rho=0.5, innovation_sd=0.1, seed=rng
            )
            analysis = Analysis(panel, assignment, dataclasses.replace(card, outcome="y"))
            found["in space"].append(any_country(analysis, points=points).p_value <= SIGNIFICANCE)
            share = predictive_values(analysis, panels=simulated, seed=panel_seed).p_value
            found["posterior predictive"].append(share is not None and share <= SIGNIFICANCE)
        rows += [
            {"check": check, "planted": effect, "rate": float(np.mean(answers)), "panels": panels}
            for check, answers in found.items()
        ]
    return pd.DataFrame(rows, columns=list(RATES))


def pretrend_rates(card: ModelCard, trends: Sequence[float], *, panels: int, seed: int = 0) -> pd.DataFrame:
    """A row a trend: how often the pre-trend check finds a violation on such panels."""
    assignment = Assignment({f"U{i}": 2010 if i < 5 else None for i in range(9)})
    panel, _ = simulate_panel(assignment, range(2000, 2018), rho=0.5, innovation_sd=0.1, seed=seed)
    slope_card, design = slope_recipe(Analysis(panel, assignment, dataclasses.replace(card, outcome="y")))
    shape = (panels, design.sizes[UNIT], design.sizes[PERIOD])
    errors = simulate_errors(np.random.default_rng(seed), shape, rho=0.5, innovation_sd=0.1)
    errors = errors[:, design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()]
    rows = []
    for trend in trends:
        outcomes = errors + trend * design["X"].to_numpy()[:, -1]
        found = coefficient_of_many(design, slope_card, outcomes, SLOPE, seed=seed)
        rate = float(((found["lower"] > 0) | (found["upper"] < 0)).mean())
        rows.append({"check": "pre-trend", "planted": trend, "rate": rate, "panels": panels})
    return pd.DataFrame(rows, columns=list(RATES))


def _row(silent: Answers, loud: Answers, effect: float) -> dict[str, float]:
    quiet = characteristics(silent, 0.0)
    said = characteristics(loud, effect)
    return {
        "size": quiet["power"],
        "size_error": quiet["mc_error"],
        "bias": float(loud.estimate.mean() - effect),
        "bias_error": float(loud.estimate.std(ddof=1) / math.sqrt(loud.estimate.size)),
        "coverage": said["coverage"],
        "length": said["length"],
    }
