"""What does the same card say of a changed recipe? One refit, with what its diagnostics say."""

from __future__ import annotations

from typing import Any

from bri_bayes.core.json_values import json_safe
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.linear import att_effect
from bri_bayes.inference.fitting import fit, is_trustworthy


def refit(analysis: Analysis, seed: int) -> dict[str, Any]:
    """The ATT of one recipe, and whether its computation can be trusted."""
    result = fit(analysis, seed=seed, pointwise=False)
    names = ("engine", "ess", "khat", "rhat")
    record = {"att": att_effect(result).as_dict(), **{name: result.diagnostics[name] for name in names}}
    rows = analysis.design.sizes["obs"]
    more = {"rows": rows, "log_marginal": result.log_marginal, "trustworthy": is_trustworthy(result)}
    return dict(json_safe(record | more))
