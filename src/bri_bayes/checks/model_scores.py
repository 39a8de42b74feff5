"""How well does one card predict rows, units and periods that it has not seen? The scores behind a comparison.

Cards of the closed-form engine are scored exactly or by refits (``inference.leave_out``), and their PSIS-LOO stands
beside it as a check of PSIS; a sampled card has PSIS-LOO alone, with its k-hat.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bri_bayes.core.json_values import json_safe
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.estimands.comparison import psis_scores, waic_scores
from bri_bayes.estimands.effects import att
from bri_bayes.estimands.linear import att_effect
from bri_bayes.inference.fitting import fit, is_trustworthy
from bri_bayes.inference.leave_out import ROW_POINTS, can_leave_out, leave_future_out, leave_rows_out, leave_units_out
from bri_bayes.study.model_card import ModelCard

QUICK_POINTS = 2000
_LARGEST = 99.0
_NOT_SAMPLED = "the sampling engine would need a run of its own for each"
_NOT_QUICK = "left out of a quick run"
_EFFECTS = {
    "common": "one effect",
    "by_unit": "effect by unit",
    "event_time": "effect by event time",
    "by_unit_event_time": "effect by unit and event time",
}
_ERRORS = {"iid": "iid errors", "ar1": "AR(1) errors", "random_walk": "random-walk errors"}
_SCALES = {"common": "one error scale", "by_unit": "error scale by unit"}
_TRENDS = {"none": "no trends", "unit_linear": "trend by unit"}
_FAMILIES = {"normal": "normal", "student_t": "Student-t"}


def model_scores(analysis: Analysis, seed: int, *, quick: bool = False) -> dict[str, Any]:
    """The fit of a card and its scores, as JSON values.

    ``loo`` (exact, by row), ``loco`` and ``lfo`` are None for a card that the closed form does not cover; ``psis`` and
    ``waic`` come from the draws. ``att_draws`` : for mixtures.
    """
    result = fit(analysis, seed=seed)
    design, card = analysis.design, analysis.card
    exact = can_leave_out(design, card)
    first = min(analysis.assignment.onsets)
    why = _NOT_QUICK if quick else None if exact else _NOT_SAMPLED
    found: dict[str, Any] = {
        "engine": result.diagnostics["engine"],
        "trustworthy": is_trustworthy(result),
        "notes": list(result.diagnostics["notes"]),
        "att": att_effect(result).as_dict(),
        "att_draws": att(result).to_numpy().ravel(),
        "log_marginal": result.log_marginal,
        "unit_ix": design["unit_ix"].to_numpy(),
        **_from_draws(result),
        "loo": None,
        "loco": {"reason": why},
        "lfo": {"reason": why},
    }
    if exact:
        points = QUICK_POINTS if quick else ROW_POINTS
        found["loo"] = _listed(leave_rows_out(design, card, points=points, seed=seed))
    if why is None:
        found["loco"] = _listed(leave_units_out(design, card, seed=seed), UNIT)
        found["lfo"] = _listed(leave_future_out(design, card, first=first, seed=seed), PERIOD)
    return dict(json_safe(_as_lists(found)))


def differences(card: ModelCard, main: ModelCard) -> str:
    """What a card has in place of the main one's, in words; its name where it differs in nothing of this list."""
    words = [
        (_EFFECTS[card.effects.treatment], card.effects.treatment != main.effects.treatment),
        ("no pooling", card.effects.pooling == "none" != main.effects.pooling),
        ("leads", card.effects.leads and not main.effects.leads),
        (_TRENDS[card.effects.trend], card.effects.trend != main.effects.trend),
        (f"{card.effects.period} period effects", card.effects.period != main.effects.period),
        (_ERRORS[card.errors.structure], card.errors.structure != main.errors.structure),
        (_SCALES[card.errors.scale], card.errors.scale != main.errors.scale),
        (f"{_FAMILIES[card.likelihood.family]} errors", card.likelihood != main.likelihood),
        (f"with {', '.join(card.covariates)}", set(card.covariates) != set(main.covariates) and bool(card.covariates)),
    ]
    return ", ".join(text for text, differs in words if differs) or (
        "main card" if card.name == main.name else card.name
    )


def _from_draws(result: Fit) -> dict[str, Any]:
    log_likelihood = result.posterior["log_likelihood"]["y"]
    draws = log_likelihood.sizes["chain"] * log_likelihood.sizes["draw"]
    # Draws of the closed form are independent; those of the sampler count by the worst of their effective sizes.
    sampled = result.diagnostics["engine"] != "marginal"
    efficiency = min(1.0, result.diagnostics["ess"] / draws) if sampled else 1.0
    plain = log_likelihood.drop_vars([name for name in log_likelihood.coords if name not in ("chain", "draw")])
    psis = psis_scores(plain, efficiency=efficiency)
    return {"psis": {**psis, "khat": _finite(psis["khat"])}, "waic": waic_scores(plain)}


def _listed(scores: xr.Dataset, dim: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {str(name): array.to_numpy() for name, array in scores.data_vars.items()}
    found["khat"] = np.where(np.isnan(found["elpd"]), np.nan, _finite(found["khat"]))
    found["mc_sd"] = scores.attrs["mc_sd"]
    if dim is not None:
        found["labels"] = scores[dim].to_numpy()
    return found


def _finite(khat: Any) -> Any:
    """k-hat as JSON can hold it: a tail that cannot be fitted is the worst, equal weights are the best."""
    return np.nan_to_num(khat, nan=_LARGEST, posinf=_LARGEST, neginf=-_LARGEST)


def _as_lists(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {name: _as_lists(value) for name, value in values.items()}
    return values.tolist() if isinstance(values, np.ndarray) else values
