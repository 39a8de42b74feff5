"""Do cards of levels, PPML and the logarithm hold an effect on levels with zeros, and where flows become restless?

Five of nine units treated from the tenth of eighteen years on, an effect on the log of the mean of 0.5 that differs by
unit with sd 0.1. A level is its mean times exp of an AR(1) error (rho 0.5, innovations of sd 0.3), or times a gamma
variable with mean one, independent over cells, of sd ``restless`` before and, in treated cells, after the onset. Flows
come in lumps: counted in units of ``lump``, where the mean level of a unit is about exp of a normal of sd 0.8.
Sources: Santos Silva & Tenreyro (2006), doi:10.1162/rest.88.4.641, for what restlessness does to a logarithm.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.panel import Panel
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import Design
from bri_bayes.evaluation.coverage import Coverage, coverage
from bri_bayes.frequentist.estimate import Estimate, t_estimate
from bri_bayes.frequentist.level_rows import of_logarithm
from bri_bayes.frequentist.poisson import fit_ppml, poisson_data, ppml_crv1
from bri_bayes.frequentist.poisson_rows import PPML
from bri_bayes.frequentist.twfe import cluster_estimate, fit_twfe
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.nuts import sampler_of_levels
from bri_bayes.study.model_card import Sampler, load_card

TREATED, UNITS, YEARS, ONSET = 5, 9, range(2003, 2021), 2012
EFFECT, SPREAD, RHO, INNOVATION, LEVELS = 0.5, 0.1, 0.5, 0.3, 0.8
CARDS = ("did_negative_binomial",)
# Of the cards of levels, and of the closed form of the logarithm: enough for coverage, not for a published interval.
_SAMPLER = Sampler(chains=2, draws=200, tune=400, target_accept=0.95, proposals=500)
_BY = {"twfe": "TWFE of the logarithm, clustered", "log": "`did` of the logarithm", "ppml": "PPML, clustered (CRV1)"}


@dataclass(frozen=True)
class Flows:
    """``lump`` against a mean level of one, none for zero; ``restless`` : sds of a gamma error, none for AR(1)."""

    name: str
    lump: float = 0.0
    restless: tuple[float, float] | None = None


SITUATIONS = (
    Flows("no zeros"),
    Flows("lumps of a half", lump=0.5),
    Flows("lumps of one", lump=1.0),
    Flows("treated flows become restless", restless=(0.3, 0.9)),
)


@dataclass(frozen=True)
class LevelCoverage:
    """``rows`` by method, and the mean share of ``zeros`` in the panels."""

    rows: list[Coverage]
    zeros: float


def level_coverage(flows: Flows, panels: int, seed: int, *, cards: Sequence[str] = CARDS) -> LevelCoverage:
    """Every method on the same simulated panels; a level card is compiled once for all of them."""
    truths, zeros = [], []
    answers: dict[str, list[tuple[float, float, float]]] = {}
    samplers: dict[str, Callable[[Design, int], Effect]] = {}
    for number in range(panels):
        rng = np.random.default_rng([seed, number])
        panel, assignment, truth = panel_of_levels(flows, rng)
        while not _everyone_trades(panel["y"].to_numpy()):
            panel, assignment, truth = panel_of_levels(flows, rng)
        truths.append(truth)
        zeros.append(float((panel["y"] == 0).mean()))
        for name, answer in _least_squares(panel, assignment, number).items():
            answers.setdefault(_BY[name], []).append(answer)
        for name in cards:
            asked = _analysis(panel, assignment, name)
            if name not in samplers:
                samplers[name] = _sampler(asked)
            effect = samplers[name](asked.design, number)
            answers.setdefault(f"`{name}`", []).append((effect.mean, effect.lower, effect.upper))
    rows = [coverage(flows.name, by, of_panels, np.array(truths)) for by, of_panels in answers.items()]
    return LevelCoverage(rows, float(np.mean(zeros)))


def _everyone_trades(level: Array) -> bool:
    """Whether each unit and each year has a flow; a country that never trades would be left out of a panel."""
    return bool((level > 0).any(axis=0).all() and (level > 0).any(axis=1).all())


def panel_of_levels(flows: Flows, rng: np.random.Generator) -> tuple[Panel, Assignment, float]:
    """Levels, who is treated, and the average effect on the log of the mean over treated cells."""
    units = [f"U{i}" for i in range(UNITS)]
    assignment = Assignment({unit: ONSET if i < TREATED else None for i, unit in enumerate(units)})
    effects = rng.normal(EFFECT, SPREAD, TREATED)
    panel, truth = simulate_panel(
        assignment, YEARS, effect=dict(zip(units, effects.tolist(), strict=False)), unit_effects=LEVELS, rho=RHO,
        innovation_sd=INNOVATION if flows.restless is None else 1e-9, seed=rng,
    )  # fmt: skip
    level = np.exp(panel["y"].to_numpy())
    if flows.restless is not None:
        before, after = flows.restless
        s = np.where(truth["effect"].transpose(*panel["y"].dims).to_numpy() != 0, after, before)
        level = level * rng.gamma(1 / s**2, s**2)
    if flows.lump:
        level = flows.lump * rng.poisson(level / flows.lump)
    panel["y"] = (panel["y"].dims, level, {"transform": "none", "level_to_usd": 1.0})
    return panel, assignment, float(truth.attrs["att"])


def _analysis(panel: Panel, assignment: Assignment, card: str) -> Analysis:
    return Analysis(panel, assignment, dataclasses.replace(load_card(card), outcome="y", sampler=_SAMPLER))


def _least_squares(panel: Panel, assignment: Assignment, seed: int) -> dict[str, tuple[float, float, float]]:
    """(estimate, lower, upper) of the logarithm by TWFE and by the card `did`, zeros left out, and of PPML."""
    asked = _analysis(panel, assignment, "did_poisson")
    compared = of_logarithm(asked)
    if compared is None:
        raise ValueError("no positive rows before or after the onset")
    clustered = cluster_estimate(fit_twfe(compared.design))
    fit = fit_ppml(poisson_data(asked.design, asked.design["y"].to_numpy())[0])
    ppml = t_estimate(PPML, "cluster", fit.estimate, ppml_crv1(fit), fit.n_units - 1)
    card = dataclasses.replace(load_card("did"), outcome="y", sampler=_SAMPLER)
    effect = att_posterior(compared.replace(card=card).design, card, seed).effect
    return {
        "twfe": _ends(clustered),
        "ppml": _ends(ppml),
        "log": (effect.mean, effect.lower, effect.upper),
    }


def _ends(row: Estimate) -> tuple[float, float, float]:
    lower, upper = (math.nan if end is None else end for end in (row.lower, row.upper))
    return row.estimate, lower, upper


def _sampler(analysis: Analysis) -> Callable[[Design, int], Effect]:
    sample = sampler_of_levels(analysis.design, analysis.card)

    def effect(design: Design, seed: int) -> Effect:
        draws, _ = sample(design, seed)
        return Effect.of_draws(draws["effect"].mean(axis=(1, 2)) * design.attrs["y_scale"])

    return effect
