"""What does the same card say of a changed recipe? One refit, with what its diagnostics say."""

from __future__ import annotations

from dataclasses import dataclass

from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.linear import att_effect
from bri_bayes.inference.fitting import fit, is_trustworthy


@dataclass(frozen=True)
class Refit(Result):
    """The ATT of one recipe, and whether its computation can be trusted."""

    att: Effect
    engine: str
    ess: float | None
    khat: float | None
    rhat: float | None
    rows: int
    log_marginal: float | None
    trustworthy: bool


def refit(analysis: Analysis, seed: int) -> Refit:
    """Fit the recipe anew."""
    result = fit(analysis, seed=seed, pointwise=False)
    known = result.diagnostics
    return Refit(
        att=att_effect(result),
        engine=known["engine"],
        ess=known["ess"],
        khat=known["khat"],
        rhat=known["rhat"],
        rows=analysis.design.sizes["obs"],
        log_marginal=result.log_marginal,
        trustworthy=is_trustworthy(result),
    )
