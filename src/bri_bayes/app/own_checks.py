"""Does the model of an answer make panels like this one? Its predictive checks, as ``estimate`` states them."""

from __future__ import annotations

from typing import Any

from bri_bayes.checks.level_predictive import level_checks
from bri_bayes.checks.null_model import draws_of
from bri_bayes.checks.posterior_predictive import NAMES, predictive_checks
from bri_bayes.core.names import OBS, WEIGHT
from bri_bayes.design.analysis import Fit

# Panels that are simulated, and the largest one for which it is done at once.
_PANELS, _MOST_ROWS = 400, 600


def own_checks(fit: Fit, seed: int) -> list[dict[str, Any]]:
    """{"statistic", "name", "observed", "lower", "upper", "p_value", "extreme"} each; none where they cannot be had."""
    design = fit.design
    if fit.analysis.card.has_log_link:
        return [vars(check) for check in level_checks(fit)]
    if not fit.analysis.card.is_marginal or WEIGHT in design or design.sizes[OBS] > _MOST_ROWS:
        return []
    if "unit_effect" not in fit.posterior["posterior"]:  # units by classes: their own effects are not drawn
        return []
    checks = predictive_checks(fit.analysis, panels=_PANELS, seed=seed, draws=draws_of(fit, _PANELS, seed))
    kept = ("statistic", "observed", "lower", "upper", "p_value", "extreme")
    return [{"name": NAMES[row.statistic], **{key: getattr(row, key) for key in kept}} for row in checks.statistics]
