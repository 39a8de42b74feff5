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
    if fit.analysis.card.has_log_link:
        return [vars(check) for check in level_checks(fit)]
    if _why_not(fit) is not None:
        return []
    checks = predictive_checks(fit.analysis, panels=_PANELS, seed=seed, draws=draws_of(fit, _PANELS, seed))
    kept = ("statistic", "observed", "lower", "upper", "p_value", "extreme")
    return [{"name": NAMES[row.statistic], **{key: getattr(row, key) for key in kept}} for row in checks.statistics]


def not_checked(fit: Fit) -> list[str]:
    """A note where nobody has looked whether the model makes such panels, and who does; none where it was done."""
    why = None if fit.analysis.card.has_log_link else _why_not(fit)
    return [] if why is None else [f"Whether the model makes panels like this one was not checked: {why}."]


def _why_not(fit: Fit) -> str | None:
    design, rows = fit.design, fit.design.sizes[OBS]
    if not fit.analysis.card.is_marginal:
        return "panels are simulated from the closed form, and this model is sampled"
    if WEIGHT in design:
        return "rows have weights"
    if rows > _MOST_ROWS:
        return (
            f"{rows:,} rows are more than the {_MOST_ROWS} for which it is done at once; "
            '`bb.did(...).check("posterior_predictive")` in Python does it'
        )
    if "unit_effect" not in fit.posterior["posterior"]:
        return "units were summed by classes, so that their own effects are not drawn"
    return None
