"""Does the effect move with a moderator, such as inequality? The same card with an interaction, in three versions.

time_varying  D_it (z_it - z_bar), slopes by country pooled towards a common one, and z_it itself as a covariate (the
              main effect, as in the paper's Table 8); rows without z are left out.
before_onset  z is the mean of a unit's years before the onset, so the policy cannot have moved it, and a unit that
              has any such year keeps all its rows; its main effect is part of the unit effect.
measured      as time_varying, with the true z_it latent where the source gives a standard error (sampled).

In every version the modifier also has a slope of its own from each onset on, in all units, treated or not (a triple
difference): what moved everywhere with the modifier is not taken for a moderated effect. In the version with latent
values that term has the reported ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.checks.slopes import SlopeDraws, SlopeResult, draws_of_fit, prior_slope, slope_values, treated_cells
from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.json_values import Result, Value
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import RELATIVE_ZERO, Design
from bri_bayes.frequentist.interaction import everywhere, interaction_rows
from bri_bayes.inference.convergence import ESS_LIMIT, RHAT_LIMIT
from bri_bayes.inference.fitting import fit, is_trustworthy
from bri_bayes.inference.measurement_error import MeasuredDraws, MeasuredSampler
from bri_bayes.study.model_card import Sampler

TIME_VARYING, BEFORE_ONSET, MEASURED = "time_varying", "before_onset", "measured"
VERSIONS = {
    TIME_VARYING: "Year by year, slopes by country",
    BEFORE_ONSET: "Fixed at its mean before the onset",
    MEASURED: "Year by year, measured with error",
}
# A latent value a row costs far more than the closed form, and its posterior is smooth: fewer draws are enough.
MEASURED_SAMPLER = Sampler(chains=4, draws=500, tune=1000, target_accept=0.99)


@dataclass(frozen=True)
class LostRows(Result):
    """Rows that have the moderator, and those that do not: the periods of each unit."""

    used: int
    lost: Mapping[str, Sequence[int]]
    n_lost: int
    without_treated_rows: Sequence[str]


@dataclass(frozen=True)
class Moderation(SlopeResult):
    """``persistent_share`` : of the variance of measurement errors, what stays with a unit, where it is modelled."""

    title: str
    rows: LostRows
    frequentist: Sequence[Mapping[str, Value]]
    diagnostics: Mapping[str, Value]
    trustworthy: bool
    persistent_share: float | None = None


def possible_versions(analysis: Analysis, moderator: str, standard_error: str | None) -> list[str]:
    """The versions that the panel allows: a moderator that never changes within a unit has one."""
    _require(analysis, moderator)
    values = analysis.panel[moderator].sel({UNIT: list(analysis.assignment.units)})
    moves = float((values.max(PERIOD) - values.min(PERIOD)).max()) > RELATIVE_ZERO * float(np.abs(values).max())
    yearly = [TIME_VARYING] if moves else []
    # The latent version reads effects from the onset on, so a card with leads has none.
    known = (
        standard_error is not None
        and not analysis.card.effects.leads
        and bool(analysis.panel[standard_error].notnull().any())
    )
    return [*yearly, BEFORE_ONSET, *([MEASURED] if moves and known else [])]


def moderation_values(analysis: Analysis, moderator: str, version: str, seed: int) -> Moderation:
    """One version in closed form: curve, slope, zero, what was learned, rows that are lost, least squares beside."""
    recipe = moderated(analysis, moderator, version)
    result = fit(recipe, seed=seed, pointwise=False)
    draws = draws_of_fit(result, moderator)
    slope = slope_values(draws, prior_slope(recipe.design, moderator, recipe.card, seed))
    return Moderation(
        **vars(slope),
        title=VERSIONS[version],
        rows=lost_rows(analysis, recipe),
        frequentist=[row.as_dict() for row in interaction_rows(recipe.design, moderator)],
        diagnostics=dict(result.diagnostics),
        trustworthy=is_trustworthy(result),
    )


def measured_values(
    analyses: Mapping[str, Analysis], moderator: str, standard_error: str, seed: int
) -> dict[str, Moderation]:
    """The version with latent values, by outcome; under NUTS outcomes with the same rows share one model."""
    sampler: MeasuredSampler | None = None
    answers = {}
    for name, analysis in analyses.items():
        recipe = moderated(analysis, moderator, MEASURED)
        spread = _of_rows(recipe.panel, recipe.design, standard_error)
        if not np.isfinite(spread).all() or (spread < 0).any():
            raise InputError(f'"{standard_error}" is missing or negative in a row that has "{moderator}"')
        if sampler is None or not np.array_equal(spread, sampler.standard_error):
            sampler = MeasuredSampler(moderator, spread)
        card = dataclasses.replace(recipe.card, sampler=MEASURED_SAMPLER)
        sampled = sampler.sample(recipe.design, card, seed)
        draws, known = _draws_of_measured(recipe.design, moderator, sampled), sampled.diagnostics
        slope = slope_values(draws, prior_slope(recipe.design, moderator, recipe.card, seed))
        answers[name] = Moderation(
            **vars(slope),
            title=VERSIONS[MEASURED],
            rows=lost_rows(analysis, recipe),
            frequentist=[],
            diagnostics=dict(known),
            trustworthy=bool(known["rhat"] < RHAT_LIMIT and known["ess"] > ESS_LIMIT and known["divergences"] == 0),
            persistent_share=float(sampled.persistent_share.mean()),
        )
    return answers


def moderated(analysis: Analysis, moderator: str, version: str) -> Analysis:
    """The recipe of a version: the card with the interaction, the panel with the moderator as the version wants it."""
    _require(analysis, moderator)
    card, panel = analysis.card, analysis.panel
    if version == BEFORE_ONSET:
        panel = panel.assign({moderator: _before_onset(analysis, moderator)})
        main: tuple[str, ...] = tuple(name for name in card.covariates if name != moderator)
        effects = card.effects
    else:
        main = tuple(dict.fromkeys([*card.covariates, moderator]))
        effects = dataclasses.replace(card.effects, modifier_slopes="by_unit")
    products = _everywhere(analysis, panel[moderator].transpose(UNIT, PERIOD))
    changed = dataclasses.replace(card, covariates=(*main, *products), modifiers=(moderator,), effects=effects)
    return analysis.replace(panel=panel.assign(products), card=changed)


def _everywhere(analysis: Analysis, values: xr.DataArray) -> dict[str, xr.DataArray]:
    """The moderator, less its mean, from each onset on in all units, by name."""
    onsets = np.array(analysis.assignment.onsets, dtype=float)
    after = everywhere(str(values.name), onsets, values[PERIOD].to_numpy())
    centred = values - values.sel({UNIT: list(analysis.assignment.units)}).mean()
    return {name: (centred * periods).assign_attrs(values.attrs) for name, periods in after.items()}


def lost_rows(analysis: Analysis, recipe: Analysis) -> LostRows:
    """Rows with an outcome and none of the moderator: how many, and the periods of each unit. None is filled."""
    before, after = _cells(analysis.design), _cells(recipe.design)
    lost: dict[str, list[int]] = {}
    for unit, period in sorted(before - after):
        lost.setdefault(unit, []).append(period)
    treated = {unit for unit, _, _ in treated_cells(recipe.design, recipe.card.modifiers[0])}
    idle = [unit for unit in recipe.assignment.treated_units if unit not in treated]
    return LostRows(len(after), lost, len(before - after), idle)


def _draws_of_measured(design: Design, moderator: str, sampled: MeasuredDraws) -> SlopeDraws:
    cells = treated_cells(design, moderator)
    order = [str(name) for name in design["treated_unit"].values]
    units = [order.index(unit) for unit, _, _ in cells]
    center = float(design["z_center"].to_numpy()[[str(n) for n in design["modifier"].values].index(moderator)])
    at_center, slopes = sampled.effect.mean(axis=1), sampled.slope[:, units]
    average = (sampled.effect + slopes * (sampled.true[:, sampled.rows] - center)).mean(axis=1)
    by_unit = {unit: sampled.slope[:, order.index(unit)] for unit in dict.fromkeys(unit for unit, _, _ in cells)}
    return SlopeDraws(at_center, slopes.mean(axis=1), by_unit, sampled.main_effect, average, center, cells)


def _before_onset(analysis: Analysis, moderator: str) -> xr.DataArray:
    """The mean of each unit's periods before its onset (of controls: before the first onset), in every period."""
    panel, assignment = analysis.panel, analysis.assignment
    values = panel[moderator].transpose(UNIT, PERIOD)
    first = min(assignment.onsets)
    onsets = xr.DataArray([assignment.first_treated.get(str(unit)) or first for unit in panel[UNIT].values], dims=UNIT)
    means = values.where(panel[PERIOD] < onsets).mean(PERIOD)
    return means.broadcast_like(values).transpose(UNIT, PERIOD).assign_attrs(values.attrs)


def _of_rows(panel: xr.Dataset, design: Design, name: str) -> Array:
    """A variable of the panel in the rows of a design : (obs,)."""
    table = panel[name].sel({UNIT: design[UNIT].values, PERIOD: design[PERIOD].values}).transpose(UNIT, PERIOD)
    return np.asarray(table.to_numpy()[design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()])


def _cells(design: Design) -> set[tuple[str, int]]:
    units = design[UNIT].to_numpy()[design["unit_ix"].to_numpy()]
    periods = design[PERIOD].to_numpy()[design["period_ix"].to_numpy()]
    return {(str(unit), int(period)) for unit, period in zip(units, periods, strict=True)}


def _require(analysis: Analysis, moderator: str) -> None:
    if moderator not in analysis.panel.data_vars:
        raise InputError(
            f'the moderator "{moderator}" is not in the panel; {suggest(moderator, map(str, analysis.panel.data_vars))}'
        )
    if moderator == analysis.card.outcome:
        raise InputError(f'the outcome "{moderator}" cannot moderate its own effect')
