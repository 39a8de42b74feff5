"""How long will the closed form take, and how much memory? From the sizes alone, before anything is computed.

Two routes give one posterior. By coefficients (``collapsed``): at each point of the importance sample, with n rows,
N units, T periods, and for every unit q own columns, then g of groups, p shared ones and c = q + g + p + 1 together,

    dense errors (noise)   n T c + n c^2 + patterns T^3 multiplications     whitened rows and their cross-products
    elimination            N q c^2 + M g (g + p)^2 + p^3 / 3                 the levels of ``collapsed``
    F linear functionals   F (N q c + (g + p)^2)                             the effect of each unit, event time, cell

By classes of units with equal columns (``exchangeable``), with m rows of their averages: m^3 / 3 multiplications, m^2
numbers touched, and F m^2 for functionals; where units of a class differ in covariates (``class_moments``), T^2 c^2 a
class. By NUTS, which covers every card: iterations x steps x n, and every parameter of every iteration is kept. The
rates were measured on one core; they are right within a factor of two, which is enough to tell minutes from hours, but
for the steps of NUTS, 20 to 600 an iteration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import OBS, PERIOD, UNIT
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import event_times
from bri_bayes.inference.class_moments import covers_moments
from bri_bayes.inference.exchangeable import covers_exchangeable, unit_classes
from bri_bayes.inference.marginal import is_feasible
from bri_bayes.inference.nuts import THINNING
from bri_bayes.inference.scale_mixture import covers as covers_mixture
from bri_bayes.study.model_card import ModelCard

# Multiplications a second in products of matrices, and seconds for each element that is read, written and rearranged.
_RATE, _TOUCH = 1.2e10, 1.5e-8
# Seconds for each element of the averages' covariance: made, factorised, and solved with.
_ELEMENT = 5e-8
# Searching the mode and placing the proposals, in points beside the proposals.
_SEARCH = 600
# Copies of the draws of effects, and of the columns of the model, while an answer is assembled.
_COPIES_OF_DRAWS, _COPIES_OF_COLUMNS = 3, 4
# What Python and its packages take.
_BASE_BYTES = 3.5e8
# Of NUTS: steps an iteration, seconds a step and row, the seconds that compiling takes, and copies of what is kept.
_STEPS, _STEP_OF_ROW, _COMPILE, _COPIES_OF_KEPT = 64, 3e-8, 20.0, 2
# Seconds of a card with Student-t innovations that ``scale_mixture`` covers, at most.
_MIXTURE = 60.0
# An answer of one command that takes more than this is refused; who waits for NUTS waits longer.
MOST_SECONDS, MOST_BYTES, MOST_SAMPLED_SECONDS = 120.0, 2.5e9, 1800.0
# Work by coefficients below this is not looked at again: it also gives draws.
_SHORT = 10.0
# More effects of units and cells than this are left out.
_MOST_DETAILS = 2000


@dataclass(frozen=True)
class Work:
    """Seconds on one idle core, and bytes at the peak."""

    seconds: float
    n_bytes: float

    @property
    def allowed(self) -> bool:
        """Whether an answer of one command may take this."""
        return self.seconds <= MOST_SECONDS and self.n_bytes <= MOST_BYTES


@dataclass(frozen=True)
class Plan:
    """By which route a card is fitted, with or without the effects of single units and cells, and what that takes."""

    by_classes: bool
    in_detail: bool
    work: Work


def plan(design: Design, card: ModelCard, *, engine: str = "auto") -> Plan:
    """The route that ``estimate`` takes. Refuses, in a sentence that says what is possible, what is too much work."""
    cheapest = cheapest_plan(design, card)
    if engine == "auto" and covers_mixture(design, card):
        return Plan(False, True, Work(_MIXTURE, _BASE_BYTES))
    if engine == "nuts" or (engine == "auto" and not is_feasible(design, card)):
        refuse_long_sampling(design, card)
        return Plan(False, cheapest.in_detail, work_by_sampling(design, card))
    if cheapest.work.allowed:
        return cheapest
    n_units, n_periods = design.sizes[UNIT], design.sizes[PERIOD]
    if n_periods > n_units:
        route = "average periods into coarser ones with --window (7 makes weeks of days), or shorten with --periods"
    else:
        route = "name fewer units with --controls, average units into regions, or leave out what differs by unit"
    raise InputError(
        f'{n_units:,} units in {n_periods:,} periods with the card "{card.name}" would take about '
        f"{cheapest.work.seconds / 60:,.0f} minutes and {cheapest.work.n_bytes / 1e9:,.1f} GB; at most "
        f"{MOST_SECONDS / 60:.0f} minutes and {MOST_BYTES / 1e9:.1f} GB are allowed: {route}; --model did (errors "
        f"without noise, units independent) takes a small part of this{_or_sampled(design, card)}"
    )


def refuse_long_sampling(design: Design, card: ModelCard) -> None:
    """Refuse what NUTS would take hours for, or gigabytes, with what would help."""
    work = work_by_sampling(design, card)
    if work.seconds <= MOST_SAMPLED_SECONDS and work.n_bytes <= MOST_BYTES:
        return
    closed = "" if is_feasible(design, card) else f', which has no closed form for the card "{card.name}" on them'
    raise InputError(
        f"NUTS would take about {work.seconds / 60:,.0f} minutes and {work.n_bytes / 1e9:,.1f} GB for "
        f"{design.sizes[UNIT]:,} units in {design.sizes[PERIOD]:,} periods{closed}; at most "
        f"{MOST_SAMPLED_SECONDS / 60:.0f} minutes and {MOST_BYTES / 1e9:.1f} GB are allowed: name fewer units with "
        "--controls, average units into regions, or take --model did, whose closed form takes seconds"
    )


def _or_sampled(design: Design, card: ModelCard) -> str:
    work = work_by_sampling(design, card)
    if work.seconds > MOST_SAMPLED_SECONDS or work.n_bytes > MOST_BYTES:
        return ""
    return f", and --engine nuts samples this card in about {work.seconds / 60:,.0f} minutes"


def cheapest_plan(design: Design, card: ModelCard) -> Plan:
    """The route with the least work, whether it is allowed or not; short work goes by coefficients."""
    if not is_feasible(design, card):
        return Plan(by_classes=False, in_detail=True, work=Work(0.0, 0.0))
    ordinary = expected_work(design, card)
    if ordinary.allowed and ordinary.seconds <= _SHORT:
        return Plan(by_classes=False, in_detail=True, work=ordinary)
    plans = [Plan(False, True, ordinary)] if ordinary.allowed else []
    plans.append(Plan(False, False, expected_work(design, card, by_cell=False)))
    in_detail = _details(design) <= _MOST_DETAILS
    if covers_exchangeable(design, card):
        plans.append(Plan(True, in_detail, work_by_classes(design, card, in_detail=in_detail)))
    elif covers_moments(design, card):
        plans.append(Plan(True, in_detail, work_by_moments(design, card, in_detail=in_detail)))
    return min(plans, key=lambda some: (not some.work.allowed, not some.in_detail, some.work.seconds))


def seconds_of_average(design: Design, card: ModelCard) -> float:
    """What the average effect alone takes, by the route that ``cheapest_plan`` takes."""
    cheapest = cheapest_plan(design, card)
    if cheapest.by_classes or not is_feasible(design, card):
        return cheapest.work.seconds
    return expected_work(design, card, by_cell=False).seconds


def expected_work(design: Design, card: ModelCard, *, by_cell: bool = True) -> Work:
    """What a fit of a normal card takes by coefficients; ``by_cell`` with the effect of each unit and cell."""
    n, n_units, n_periods = design.sizes[OBS], design.sizes[UNIT], design.sizes[PERIOD]
    n_times = len(event_times(design, card))
    n_treated = int(np.isfinite(design["first_treated"].to_numpy()).sum())
    q = 1 + int(card.effects.treatment.startswith("by_unit")) + int(card.effects.trend == "unit_linear")
    g = n_periods if card.shocks.process != "none" else 0
    p = n_times + len(card.covariates) + len(card.modifiers) + n_periods - 1
    c = q + g + p + 1
    points = card.sampler.proposals + _SEARCH
    multiplied, touched = float(n_units * q * c**2 + g * (g + p) ** 2 + p**3 / 3), float(2 * n_units * q * c)
    if card.errors.structure == "ar1_noise":
        multiplied += n * n_periods * c + n * c**2 + n_periods**3
        touched += n * c
    seconds = points * (multiplied / _RATE + touched * _TOUCH)
    n_bytes = _BASE_BYTES + 8.0 * _COPIES_OF_COLUMNS * n * c
    draws = card.sampler.chains * card.sampler.draws
    n_bytes += 8.0 * _COPIES_OF_DRAWS * draws * (n_treated * n_times + n_units * q + g + p)
    functionals = 1 + n_times + (_details(design) if by_cell else 0)
    work = functionals * (n_units * q * c + (g + p) ** 2) / _RATE + functionals * (n_units * q + g + p) * _TOUCH
    seconds += points * work
    return Work(seconds, n_bytes)


def work_by_sampling(design: Design, card: ModelCard) -> Work:
    """What NUTS takes, chains one after the other; it keeps every parameter of every iteration."""
    iterations = card.sampler.chains * (card.sampler.draws * THINNING + card.sampler.tune)
    by_unit = card.effects.treatment.startswith("by_unit")
    paths = int(np.isfinite(design["first_treated"].to_numpy()).sum()) if by_unit else 1
    kept = paths * len(event_times(design, card)) + design.sizes[UNIT] + design.sizes[PERIOD]
    seconds = _COMPILE + iterations * _STEPS * design.sizes[OBS] * _STEP_OF_ROW
    return Work(seconds, _BASE_BYTES + 8.0 * _COPIES_OF_KEPT * iterations * kept)


def work_by_classes(design: Design, card: ModelCard, *, in_detail: bool) -> Work:
    """What a fit of a normal card takes by classes of units; the first answer and two beside it."""
    unit_periods = np.bincount(design["unit_ix"].to_numpy(), minlength=design.sizes[UNIT])
    rows = int(sum(unit_periods[units[0]] for units in unit_classes(design)))
    n_times, n_periods = len(event_times(design, card)), design.sizes[PERIOD]
    functionals = 1 + n_times + (_details(design) if in_detail else 0)
    points = card.sampler.proposals + _SEARCH
    once = rows**3 / 3 / _RATE + rows**2 * _ELEMENT
    seconds = points * (2 * once + functionals * rows**2 / _RATE + functionals * (rows + n_times + n_periods) * _TOUCH)
    columns = 8.0 * design.sizes[OBS] * (2 * n_periods + n_times + functionals)
    return Work(seconds, _BASE_BYTES + columns + 8.0 * functionals * points * 4 + 40.0 * rows**2)


def work_by_moments(design: Design, card: ModelCard, *, in_detail: bool) -> Work:
    """What a fit of a normal card with covariates takes by second moments; the first answer and two beside it."""
    classes = unit_classes(design)
    unit_periods = np.bincount(design["unit_ix"].to_numpy(), minlength=design.sizes[UNIT])
    lengths = np.array([unit_periods[units[0]] for units in classes], dtype=float)
    n_times, n_periods = len(event_times(design, card)), design.sizes[PERIOD]
    groups = 1 + int(design["group_ix"].max()) if card.shocks.process != "none" else 0
    r = float(n_times + len(card.covariates) + n_periods * (1 + max(groups, 0)) + 1)
    functionals = 1 + n_times + (_details(design) if in_detail else 0)
    points = card.sampler.proposals + _SEARCH
    once = float((lengths**2).sum()) * r**2 / _RATE + (r**2 + float((lengths**2).sum())) * _ELEMENT
    pulled = functionals * (2 * float(lengths.sum()) * r / _RATE + r * _TOUCH)
    n_obs = design.sizes[OBS]
    n_bytes = 8.0 * (float((lengths**2).sum()) * r**2 * 2 + n_obs * (3 * r + functionals))
    n_bytes += 16.0 * functionals * float(lengths.sum()) * r
    return Work(points * (2 * once + pulled), _BASE_BYTES + n_bytes)


def _details(design: Design) -> int:
    """How many effects of single units and cells there are."""
    return int(np.isfinite(design["first_treated"].to_numpy()).sum() + design["treated"].to_numpy().sum())
