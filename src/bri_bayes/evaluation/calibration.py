"""Are our intervals honest? Size, bias, coverage and length of every test over kinds of errors, by simulation.

Panels without and with a known effect in each of the situations of ``scenarios``; every answer is in sds of an
innovation. And the checks on whole panels: how often do placebos find a planted effect, and one that is not there, and
how often do predictive checks see that a card is wrong?

Source: Bertrand, Duflo & Mullainathan (2004), QJE 119(1), doi:10.1162/003355304772839588; MacKinnon & Webb (2017),
J. Appl. Econometrics 32(2), doi:10.1002/jae.2508, for few treated clusters with other variances.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bri_bayes.checks.placebo_predictive import predictive_values
from bri_bayes.checks.placebo_space import any_unit
from bri_bayes.checks.posterior_predictive import predictive_checks
from bri_bayes.checks.pretrend import SLOPE, slope_recipe
from bri_bayes.core.arrays import Array
from bri_bayes.core.names import OBS, PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_errors, simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import Design, build_design
from bri_bayes.evaluation.balanced import balanced, covers_balanced
from bri_bayes.evaluation.balanced_scales import balanced_scales
from bri_bayes.evaluation.power import characteristics, posterior_answers
from bri_bayes.evaluation.scenarios import EFFECT, PERIODS, UNITS, Scenario, golden_assignment
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.frequentist.many import Answers, linear_tests
from bri_bayes.frequentist.many_clusters import cluster_tests
from bri_bayes.inference.assignment_columns import covers
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.batch import att_of_many, coefficient_of_many, scaled
from bri_bayes.study.model_card import ModelCard

COLUMNS = ("scenario", "test", "size", "size_error", "bias", "bias_error", "coverage", "length")
# Hyperparameters that all panels of a scenario share; a panel that they do not cover gets its own.
_POINTS = 3000
# Proposals of a panel that is fitted by itself.
_PROPOSALS = 512
RATES = ("check", "planted", "rate", "panels")


def error_rates(cards: Mapping[str, ModelCard], scenario: Scenario, *, panels: int, seed: int = 0) -> pd.DataFrame:
    """A row a test: ``COLUMNS``. Size without an effect; bias, coverage and length with that of the scenario.

    ``cards`` : name -> model whose posterior is a test, too. ``size_error``, ``bias_error`` : their simulation errors.
    """
    design = scenario_design(scenario)
    at = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
    errors = scenario.outcomes(panels, seed)[:, *at]
    effect = scenario.effect[at]
    # The tests add the average effect themselves: what they are given is how each cell departs from it.
    departure = effect - EFFECT * design["treated"].to_numpy()
    silent, loud = linear_tests(design, errors).answers(0.0), linear_tests(design, errors + departure).answers(EFFECT)
    silent |= cluster_tests(design, errors, 0.0)
    loud |= cluster_tests(design, errors + effect, EFFECT)
    for name, card in cards.items():
        outcomes = np.concatenate([errors, errors + effect])
        frame = _posteriors(design, card, outcomes, seed)
        silent[name] = posterior_answers(frame.iloc[:panels], 0.0)
        loud[name] = posterior_answers(frame.iloc[panels:], EFFECT)
    rows = [{"scenario": scenario.name, "test": name, **_row(silent[name], loud[name], EFFECT)} for name in silent]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _posteriors(design: Design, card: ModelCard, outcomes: Array, seed: int) -> pd.DataFrame:
    """The posterior of the ATT given each outcome (panel, obs), by the fastest route that covers card and rows."""
    if design.sizes[OBS] == UNITS * PERIODS:
        panels = outcomes.reshape(-1, UNITS, PERIODS)
        if covers_balanced(card):
            return balanced(card).posterior(panels)
        if covers_balanced(card, "by_unit"):
            return balanced_scales(card).posterior(panels)
    if covers(card):
        return att_of_many(design, card, outcomes, points=_POINTS, seed=seed).to_dataframe()
    few = dataclasses.replace(card, sampler=dataclasses.replace(card.sampler, proposals=_PROPOSALS))
    effects = [att_posterior(scaled(design, outcome), few, seed).effect for outcome in outcomes]
    return pd.DataFrame([effect.as_dict() for effect in effects])


def scenario_design(scenario: Scenario) -> Design:
    """The rows of a scenario's panels."""
    recipe, periods = golden_assignment()
    panel, _ = simulate_panel(recipe, periods, seed=0)
    if scenario.missing is not None:
        panel = panel.assign(y=panel["y"].where(np.logical_not(scenario.missing)))
    return build_design(panel, recipe, ModelCard(name="rows", title="rows", outcome="y"))


def placebo_rates(
    card: ModelCard, effects: Sequence[float], *, panels: int, simulated: int = 100, points: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """A row an effect and check: how often the share of all 126 groups, and of worlds without, is at most 5%.

    On ``panels`` panels of five treated and four control units, 18 years, rho 0.5, innovations of sd 0.1.
    """
    assignment = Assignment({f"U{i}": 2010 if i < 5 else None for i in range(9)})
    rows = []
    for effect in effects:
        rejections: dict[str, list[bool]] = {"in space": [], "posterior predictive": []}
        for panel_seed in range(panels):
            rng = np.random.default_rng([seed, panel_seed])
            panel, _ = simulate_panel(
                assignment, range(2000, 2018), effect=effect, rho=0.5, innovation_sd=0.1, seed=rng
            )
            analysis = Analysis(panel, assignment, dataclasses.replace(card, outcome="y"))
            rejections["in space"].append(any_unit(analysis, points=points).p_value <= SIGNIFICANCE)
            share = predictive_values(analysis, panels=simulated, seed=panel_seed).p_value
            rejections["posterior predictive"].append(share is not None and share <= SIGNIFICANCE)
        rows += [
            {"check": check, "planted": effect, "rate": float(np.mean(answers)), "panels": panels}
            for check, answers in rejections.items()
        ]
    return pd.DataFrame(rows, columns=list(RATES))


def predictive_rates(
    card: ModelCard, scenario: Scenario, *, panels: int, simulated: int = 200, seed: int = 0
) -> dict[str, float]:
    """How often each predictive check of the card says that it does not make such panels, without an effect."""
    assignment, periods = golden_assignment()
    empty, _ = simulate_panel(assignment, periods, seed=0)
    flags: dict[str, list[bool]] = {}
    for panel_seed, outcome in enumerate(scenario.outcomes(panels, seed)):
        panel = empty.assign(y=((UNIT, PERIOD), outcome))
        checks = predictive_checks(Analysis(panel, assignment, card), panels=simulated, seed=panel_seed)
        for row in checks.statistics:
            flags.setdefault(row.statistic, []).append(row.extreme)
    return {name: float(np.mean(flagged)) for name, flagged in flags.items()}


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
        slopes = coefficient_of_many(design, slope_card, outcomes, SLOPE, seed=seed)
        rate = float(((slopes["lower"] > 0) | (slopes["upper"] < 0)).mean())
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
