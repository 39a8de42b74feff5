"""If the effect were what a paper claims, what would a panel like this show? Design analysis.

Many panels are simulated on the rows of a design, with a known effect and AR(1) or random-walk errors,

    y_it = tau D_it + e_it,    e_it = rho e_i,t-1 + u_it,    u_it ~ N(0, s^2)

(unit and period effects change no test), and each test answers each of them:

    power     share of panels in which it finds an effect; its size where tau is zero
    type S    share of wrong signs among those
    type M    average size of the estimates among those, over that of tau: how much a finding exaggerates
    coverage  share of panels whose 95% interval holds tau
    length    median length of that interval, in units of the outcome

Source: Gelman & Carlin (2014), Perspectives on Psychological Science 9(6), doi:10.1177/1745691614551642.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.core.monte_carlo import share_error
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.simulation import simulate_errors
from bri_bayes.design.analysis import Fit
from bri_bayes.design.design import Design
from bri_bayes.evaluation.verdict_shares import VerdictShares, truths, verdict_shares
from bri_bayes.frequentist.many import TWFE_PERMUTATION, Answers, linear_tests
from bri_bayes.inference.batch import att_of_many
from bri_bayes.study.model_card import ModelCard

BAYES = "bayes/posterior"
# The persistence that stands for a random walk, whose errors start anew in each unit's first period.
RANDOM_WALK = 1.0
PERSISTENCES = (0.0, 0.5, 0.8, RANDOM_WALK)
# Points of hyperparameters that all panels of one persistence share.
_POINTS = 2000
COLUMNS = ("effect", "rho", "test", "power", "type_s", "type_m", "coverage", "length", "mc_error")


def design_analysis(
    design: Design,
    card: ModelCard,
    *,
    effects: Sequence[float],
    persistences: Sequence[float],
    innovation_sd: float,
    published_se: float | None = None,
    panels: int = 1000,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """A row for each effect, persistence and test: ``COLUMNS``.

    ``design`` gives rows, assignment and covariates, its outcome does not matter; ``card`` is the model of the
    posterior, which finds an effect when its 95% interval excludes zero; the other tests are those of
    ``frequentist.many`` (``published_se`` adds the paper's own). ``effects`` and ``innovation_sd`` are in units of the
    outcome, ``persistences`` in (-1, 1], with 1 for a random walk. ``mc_error`` is the Monte Carlo standard error of
    ``power``. Type S and M are NaN without an effect, and where a test finds none. Every cell has the same innovations,
    so differences between cells are better known than the cells. ``progress`` hears of each persistence that is done.
    """
    _check(effects, persistences, innovation_sd, panels)
    rows: dict[float, list[dict[str, Any]]] = {effect: [] for effect in effects}
    for rho in persistences:
        for cell in _cells(design, card, effects, rho, innovation_sd, published_se, panels, seed):
            rows[cell.effect] += cell.rows()
        if progress is not None:
            progress(f"persistence {rho:g}")
    return pd.DataFrame([row for cells in rows.values() for row in cells], columns=list(COLUMNS))


@dataclass(frozen=True, eq=False)
class _Cell:
    """Panels with one effect and one persistence: what each test says, and the ``posterior``, a row a panel."""

    effect: float
    rho: float
    answers: Mapping[str, Answers]
    posterior: pd.DataFrame

    def rows(self) -> list[dict[str, Any]]:
        """A row a test."""
        cell = {"effect": self.effect, "rho": self.rho}
        return [{**cell, "test": name, **characteristics(it, self.effect)} for name, it in self.answers.items()]


def _cells(
    design: Design,
    card: ModelCard,
    effects: Sequence[float],
    rho: float,
    innovation_sd: float,
    published_se: float | None,
    panels: int,
    seed: int,
) -> Iterator[_Cell]:
    """The same errors with each effect."""
    treated = design["treated"].to_numpy().astype(float)
    errors = simulated_errors(design, rho, innovation_sd, panels, seed)
    tests = linear_tests(design, errors, published_se=published_se)
    outcomes = np.concatenate([errors + effect * treated for effect in effects])
    posteriors = att_of_many(design, card, outcomes, points=_POINTS, seed=seed).to_dataframe()
    for position, effect in enumerate(effects):
        posterior = posteriors.iloc[position * panels : (position + 1) * panels]
        yield _Cell(effect, rho, {**tests.answers(effect), BAYES: posterior_answers(posterior, effect)}, posterior)


def characteristics(answers: Answers, effect: float) -> dict[str, float]:
    """Power, type S and M, coverage and length of one test over panels with ``effect``; NaN where undefined."""
    power = float(answers.rejects.mean())
    significant = answers.estimate[answers.rejects]
    defined = effect != 0 and significant.size > 0
    return {
        "power": power,
        "type_s": float((significant * effect < 0).mean()) if defined else math.nan,
        "type_m": float(np.abs(significant).mean() / abs(effect)) if defined else math.nan,
        "coverage": float(answers.covers.mean()),
        "length": float(np.median(answers.length)),
        "mc_error": share_error(power, answers.rejects.size),
    }


def persistence_and_spread(fit: Fit) -> tuple[float, float]:
    """Posterior means of rho and of the sd of an innovation, in units of the outcome.

    rho is 0 under iid errors and 1 under a random walk; with an error scale for each unit the sd is their root mean
    square.
    """
    posterior = fit.posterior["posterior"]
    known = {"iid": 0.0, "random_walk": RANDOM_WALK}
    structure = fit.analysis.card.errors.structure
    rho = known[structure] if structure in known else float(posterior["rho"].mean())
    if "sigma_unit" in posterior:
        return rho, float(np.sqrt((posterior["sigma_unit"] ** 2).mean(UNIT)).mean())
    return rho, float(posterior["sigma"].mean())


@dataclass(frozen=True)
class RatesRow(Result):
    """A row of ``design_analysis``: one test, where the effect and the persistence of errors are these."""

    effect: float
    rho: float
    test: str
    power: float
    type_s: float | None
    type_m: float | None
    coverage: float
    length: float | None
    mc_error: float


@dataclass(frozen=True)
class Power(Result):
    """The design analysis of a fitted panel: no effect and the claimed ``effect``, at its own spread.

    ``card`` : whose posterior is asked; ``rho`` and ``innovation_sd`` : of the fit; ``verdicts`` : of the rule of the
    claim, at the persistence of the fit.
    """

    card: str
    effect: float
    rho: float
    innovation_sd: float
    panels: int
    seed: int
    rows: Sequence[RatesRow]
    verdicts: Sequence[VerdictShares] = ()


def power_values(
    fit: Fit,
    *,
    effect: float,
    published_se: float | None = None,
    persistences: Sequence[float] = PERSISTENCES,
    panels: int = 1000,
    seed: int = 0,
) -> Power:
    """The design analysis of a fitted panel at ``persistences`` and at that of the fit, where half of ``effect`` is
    simulated, too, for the verdicts."""
    rho, innovation_sd = persistence_and_spread(fit)
    effects = (0.0, effect)
    _check(effects, (*persistences, rho), innovation_sd, panels)
    cells: list[_Cell] = []
    for at in sorted({*persistences, rho}):
        sizes = truths(effect) if at == rho else effects
        cells += _cells(fit.design, fit.analysis.card, sizes, at, innovation_sd, published_se, panels, seed)
    return Power(
        card=fit.analysis.card.name,
        effect=effect,
        rho=rho,
        innovation_sd=innovation_sd,
        panels=panels,
        seed=seed,
        rows=[RatesRow(**row) for size in effects for cell in cells if cell.effect == size for row in cell.rows()],
        verdicts=[
            verdict_shares(cell.posterior, cell.answers[TWFE_PERMUTATION].rejects, claimed=effect, truth=cell.effect)
            for cell in cells
            if cell.rho == rho
        ],
    )


def simulated_errors(design: Design, rho: float, innovation_sd: float, panels: int, seed: int) -> Array:
    """Errors (panel, obs) on the rows of ``design``; the same innovations for every ``rho``."""
    period = design[PERIOD].to_numpy()
    at = (period - period[0])[design["period_ix"].to_numpy()]
    errors = simulate_errors(
        np.random.default_rng(seed),
        (panels, design.sizes[UNIT], int(period[-1] - period[0]) + 1),
        structure="random_walk" if rho == RANDOM_WALK else "ar1",
        rho=rho,
        innovation_sd=innovation_sd,
    )
    return np.asarray(errors[:, design["unit_ix"].to_numpy(), at])


def _check(effects: Sequence[float], persistences: Sequence[float], innovation_sd: float, panels: int) -> None:
    if not effects or not all(math.isfinite(effect) for effect in effects):
        raise InputError(f"effects must be one or more finite numbers, not {list(effects)}")
    if not persistences or not all(-1 < rho <= RANDOM_WALK for rho in persistences):
        raise InputError(f"persistences must lie above -1 and not above 1 (a random walk), not {list(persistences)}")
    if not 0 < innovation_sd < math.inf:
        raise InputError(f"the sd of an innovation must be positive and finite, not {innovation_sd}")
    if panels < 2:
        raise InputError(f"a design analysis needs two panels or more, not {panels}")


def posterior_answers(posterior: pd.DataFrame, effect: float) -> Answers:
    """What posteriors say as a test: an effect is found when the 95% interval excludes zero."""
    mean, lower, upper = (posterior[name].to_numpy() for name in ("mean", "lower", "upper"))
    return Answers(mean, upper - lower, (lower > 0) | (upper < 0), (lower <= effect) & (effect <= upper))
