"""Are the intervals of two noisy reports of one flow honest, and what does the second report buy? Simulated panels.

Five of nine units treated from the seventh of twelve years on, flows in logs with AR(1) errors (rho 0.5, innovations of
sd 0.3), an average effect of 0.5 that differs by unit with sd 0.1. Each report is the flow plus noise; the second has
besides a gap that lasts for a unit (sd 1) and a walk of a year (steps of 0.2). ``shared`` is the correlation of the two
noises, which the model takes for zero.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.design import build_design
from bri_bayes.design.two_reports import stacked
from bri_bayes.evaluation.coverage import Coverage, coverage
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.two_reports import TwoReports, two_reports
from bri_bayes.study.model_card import Effects, Errors, ModelCard, Sampler

TREATED, UNITS, YEARS, ONSET = 5, 9, range(2000, 2012), 2006
EFFECT, SPREAD, RHO, INNOVATION = 0.5, 0.1, 0.5, 0.3
REPORTS = ("first", "second")
# Enough for intervals to within a fiftieth of an sd on such a panel.
_PROPOSALS = 500


@dataclass(frozen=True)
class Reported:
    """``name`` of a situation, the sd of each report's noise, and the correlation of the two."""

    name: str
    noise: tuple[float, float]
    shared: float = 0.0


SITUATIONS = (
    Reported("one exact, one noisy", (0.05, 0.4)),
    Reported("both noisy", (0.3, 0.3)),
    Reported("both noisy, noises correlated by 0.5", (0.3, 0.3), 0.5),
)


@dataclass(frozen=True)
class NoiseFound(Result):
    """The noise of each report: the share of its 95% intervals that hold the true sd, and the mean of its mean."""

    situation: str
    coverage: tuple[float, float]
    mean: tuple[float, float]


def mirror_coverage(
    situation: Reported, panels: int, seed: int, *, alone: Sequence[str] = REPORTS
) -> tuple[list[Coverage], NoiseFound]:
    """The effect by both reports and by each of ``alone`` (AR(1) errors plus noise), and the noises, over panels."""
    truths: list[float] = []
    by: dict[str, list[Effect]] = {"both": [], **{name: [] for name in alone}}
    noises: list[TwoReports] = []
    for panel in range(panels):
        made, assignment, truth = reported_panel(situation, np.random.default_rng([seed, panel]))
        truths.append(truth)
        together = two_reports(stacked(made, assignment, _card("ar1"), REPORTS), _card("ar1"), seed=panel)
        noises.append(together)
        by["both"].append(together.att)
        for name in alone:
            card = dataclasses.replace(_card("ar1_noise"), outcome=name)
            by[name].append(att_posterior(build_design(made, assignment, card), card, panel).effect)
    rows = [
        coverage(situation.name, name, [(row.mean, row.lower, row.upper) for row in effects], np.array(truths))
        for name, effects in by.items()
    ]
    return rows, _noise(situation, noises)


def reported_panel(situation: Reported, rng: np.random.Generator) -> tuple[xr.Dataset, Assignment, float]:
    """A panel with two reports of one flow, who is treated, and the average effect over treated cells."""
    units = [f"U{i}" for i in range(UNITS)]
    assignment = Assignment({unit: ONSET if i < TREATED else None for i, unit in enumerate(units)})
    effects = rng.normal(EFFECT, SPREAD, TREATED)
    made, truth = simulate_panel(
        assignment, YEARS, effect=dict(zip(units, effects.tolist(), strict=False)), rho=RHO, innovation_sd=INNOVATION,
        seed=rng,
    )  # fmt: skip
    shape = made["y"].shape
    r = situation.shared
    noise = np.linalg.cholesky([[1.0, r], [r, 1.0]]) @ rng.standard_normal((2, made["y"].size))
    first, second = (sd * row.reshape(shape) for sd, row in zip(situation.noise, noise, strict=True))
    gap = rng.normal(0, 1, (shape[0], 1)) + rng.normal(0, 0.2, (1, shape[1])).cumsum(axis=1)
    reports = {REPORTS[0]: made["y"] + first, REPORTS[1]: made["y"] + gap + second}
    return made.assign(reports), assignment, float(truth.attrs["att"])


def _card(structure: str) -> ModelCard:
    return ModelCard(
        name="mirror",
        title="mirror",
        effects=Effects(treatment="by_unit"),
        errors=Errors("ar1_noise" if structure == "ar1_noise" else "ar1"),
        sampler=Sampler(proposals=_PROPOSALS),
    )


def _noise(situation: Reported, answers: Sequence[TwoReports]) -> NoiseFound:
    shares, means = [], []
    for at, truth in enumerate(situation.noise):
        of_report = [answer.noise[at] for answer in answers]
        shares.append(float(np.mean([row.lower <= truth <= row.upper for row in of_report])))
        means.append(float(np.mean([row.mean for row in of_report])))
    return NoiseFound(situation.name, (shares[0], shares[1]), (means[0], means[1]))
