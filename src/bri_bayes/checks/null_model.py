"""What would this panel have looked like without a policy? Panels simulated from posteriors without an effect.

    y_it = a_i + l_t + x_it'b + g_i(t) + u_it,    u_it errors and shared shocks as the card says

Two posteriors, two questions. ``forecasts`` fits the rows before the first onset alone, keeps them as they were, and
goes on from there: errors from the last ones of each country, year effects by steps resampled from those before.
``replicas`` fits the whole panel with its effects, takes the effects away, and draws all errors anew.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.checks.simulated_errors import errors_given, new_errors
from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import OBS, PERIOD, UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.design.design import Design, build_design
from bri_bayes.design.group_shocks import SHOCK
from bri_bayes.inference.assignment_columns import covers
from bri_bayes.inference.marginal import sample_marginal, to_parameters
from bri_bayes.inference.to_datatree import linear_predictor, standardised_draws
from bri_bayes.study.model_card import ModelCard

# Fewer periods before the onset cannot tell a trend from an error.
LEAST_PERIODS = 4


@dataclass(frozen=True, eq=False)
class Draws:
    """Posterior draws of a design on its standardised scale; ``values`` : name -> (draw, ...), but for the shocks."""

    design: Design
    card: ModelCard
    values: dict[str, Array]

    @property
    def size(self) -> int:
        """The number of draws."""
        return int(self.values["sigma"].size)

    def first(self, size: int) -> Draws:
        """The first of them: those of ``posterior_draws`` when it is asked for fewer."""
        return dataclasses.replace(self, values={name: value[:size] for name, value in self.values.items()})

    def means(self) -> Array:
        """The linear predictor : (draw, obs)."""
        return linear_predictor(self.design, self.card, self.values)

    def errors(self, rng: np.random.Generator) -> Array:
        """New errors and shared shocks on the rows of the design : (draw, obs)."""
        return new_errors(self.design, self.card, self.values, rng)

    def in_outcome_units(self, standardised: Array) -> Array:
        """The same in units of the outcome."""
        return np.asarray(self.design.attrs["y_center"] + self.design.attrs["y_scale"] * standardised)


def problem_of(analysis: Analysis) -> str | None:
    """Why no panel can be simulated without the policy; None when it can."""
    if not covers(analysis.card):
        return f'the card "{analysis.card.name}" is not a normal linear card with a common error scale'
    seen = analysis.design[PERIOD].to_numpy() < min(analysis.assignment.onsets)
    if seen.sum() < LEAST_PERIODS:
        return f"{int(seen.sum())} periods before the first onset are too few: {LEAST_PERIODS} are needed"
    return None


def posterior_draws(design: Design, card: ModelCard, size: int, seed: int) -> Draws:
    """``size`` draws (with repetition if the card draws fewer) of a normal linear card."""
    if not card.is_marginal:
        raise InputError(f'the card "{card.name}" is not a normal linear card')
    values = to_parameters(design, card, sample_marginal(design, card, seed).values)
    known = values["sigma"].size
    chosen = np.random.default_rng([seed, 2]).permutation(known)[np.arange(size) % known]
    return Draws(design, card, {name: value[chosen] for name, value in values.items() if name != SHOCK})


def draws_of(fit: Fit, size: int, seed: int) -> Draws:
    """``size`` draws of a fit."""
    values = standardised_draws(fit.design, fit.posterior["posterior"].to_dataset())
    known = values["sigma"].size
    chosen = np.random.default_rng([seed, 2]).permutation(known)[np.arange(size) % known]
    return Draws(fit.design, fit.analysis.card, {name: v[chosen] for name, v in values.items() if name != SHOCK})


def untreated_card(card: ModelCard) -> ModelCard:
    """The card without any effect: its rows, errors and trends, for a design in which nobody is treated."""
    effects = dataclasses.replace(card.effects, treatment="common", pooling="none", leads=False, window=None)
    return dataclasses.replace(card, effects=effects, modifiers=(), contamination=None)


def untreated_design(panel: xr.Dataset, assignment: Assignment, card: ModelCard) -> Design:
    """The rows before the first onset, with nobody treated."""
    before = panel.sel({PERIOD: panel[PERIOD] < min(assignment.onsets)})
    years = before[PERIOD].to_numpy()
    if years.size < LEAST_PERIODS:
        raise InputError(f"{years.size} periods before the first onset are too few: {LEAST_PERIODS} are needed")
    # Only to have the rows checked and scaled: the onset is taken away again.
    design = build_design(before, assignment.swap(assignment.treated_units, int(years[years.size // 2])), card)
    nobody = np.zeros(design.sizes[OBS], dtype=bool)
    return (
        design.assign(
            treated=(OBS, nobody),
            event_time=(OBS, np.full(nobody.size, np.nan)),
            first_treated=(UNIT, np.full(design.sizes[UNIT], np.nan)),
        )
        .drop_dims("treated_unit")
        .assign_coords(treated_unit=np.array([], dtype=str))
    )


def forecasts(analysis: Analysis, size: int, seed: int) -> Array:
    """Outcomes (panel, obs) on the rows of the analysis: observed before the first onset, then without the policy."""
    design, card = analysis.design, untreated_card(analysis.card)
    before = untreated_design(analysis.panel, analysis.assignment, card)
    draws = posterior_draws(before, card, size, seed)
    rng = np.random.default_rng([seed, 3])
    known = np.flatnonzero(periods_of(design) < min(analysis.assignment.onsets))
    mu = _extended_means(draws, design, rng)
    observed = (design["y"].to_numpy() - before.attrs["y_center"]) / before.attrs["y_scale"]
    errors = errors_given(design, card, draws.values, observed[known] - mu[:, known], known, rng)
    outcomes = draws.in_outcome_units(mu + errors)
    outcomes[:, known] = design["y"].to_numpy()[known]
    return outcomes


def replicas(draws: Draws, seed: int, *, effects: bool) -> Array:
    """Outcomes (panel, obs) with new errors, with the effects of the posterior or without : in outcome units."""
    values = dict(draws.values)
    if not effects:
        names = ("effect", "modifier_effect", "modifier_deviation")
        values |= {name: np.zeros_like(values[name]) for name in names if name in values}
    rng = np.random.default_rng([seed, 4])
    return draws.in_outcome_units(linear_predictor(draws.design, draws.card, values) + draws.errors(rng))


def periods_of(design: Design) -> Array:
    """The period of each row : (obs,)."""
    return np.asarray(design[PERIOD].to_numpy()[design["period_ix"].to_numpy()].astype(float))


def _extended_means(draws: Draws, design: Design, rng: np.random.Generator) -> Array:
    """The linear predictor of draws from the early rows on all rows of ``design`` : (draw, obs), standardised."""
    before, values = draws.design, draws.values
    units = _positions(design[UNIT].to_numpy(), before[UNIT].to_numpy())[design["unit_ix"].to_numpy()]
    levels = np.where(units >= 0, values["unit_effect"][:, units], 0.0)  # without an early row the level is free
    years = _extended_years(values["period_effect"], before[PERIOD].to_numpy(), design[PERIOD].to_numpy(), rng)
    mu = levels + years[:, design["period_ix"].to_numpy()]
    if "beta" in values:
        x = (design["X"].to_numpy() - before["x_center"].to_numpy()) / before["x_scale"].to_numpy()
        mu = mu + values["beta"] @ x.T
    if "trend" in values:
        first, last = before[PERIOD].to_numpy()[[0, -1]]
        drift = (periods_of(design) - first) / (last - first) - 0.5
        mu = mu + np.where(units >= 0, values["trend"][:, units], 0.0) * drift
    return np.asarray(mu)


def _positions(names: Array, among: Array) -> Index:
    """Where each name stands in ``among``, -1 for nowhere."""
    at = {str(name): position for position, name in enumerate(among)}
    return np.array([at.get(str(name), -1) for name in names], dtype=np.intp)


def _extended_years(effects: Array, known: Array, years: Array, rng: np.random.Generator) -> Array:
    """Year effects (draw, years): those of the draws, then steps resampled from those of the same draw."""
    steps = np.diff(effects, axis=1)
    chosen = rng.integers(steps.shape[1], size=(len(effects), max(years.size - known.size, 0)))
    later = effects[:, -1:] + np.cumsum(np.take_along_axis(steps, chosen, 1), axis=1)
    extended = np.hstack([effects, later])
    return np.asarray(extended[:, : years.size])
