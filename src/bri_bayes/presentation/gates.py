"""Which computations are not to be trusted, and what of their diagnostics is beyond its limit?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bri_bayes.core.names import SECTIONS
from bri_bayes.inference.convergence import ESS_LIMIT, RHAT_LIMIT
from bri_bayes.inference.importance import KHAT_LIMIT


def failed_gates(values: Mapping[str, Any]) -> list[str]:
    """Of a whole study, a sentence for each computation that is not to be trusted: main fits first, then sections."""
    fits = [
        f"{outcome}/{card}: {beyond_limits(fit.get('diagnostics', {}))}"
        for outcome, content in values["outcomes"].items()
        for card, fit in content["models"].items()
        if fit.get("trustworthy") is False
    ]
    sections = [values[name].get("failed_gates", []) for name in SECTIONS if values.get(name)]
    return [*fits, *(sentence for sentences in sections for sentence in sentences)]


def beyond_limits(diagnostics: Mapping[str, Any]) -> str:
    """What of the diagnostics does not pass, in one line, for a computation that is known not to."""
    return ", ".join(exceeded(diagnostics)) or "the diagnostics do not pass"


def exceeded(diagnostics: Mapping[str, Any]) -> list[str]:
    """R-hat, effective sample, k-hat and divergences that do not pass, each with what is allowed.

    A number that could not be computed does not pass; k-hat may be absent, as a sampler has none.
    """
    failed = []
    rhat, ess, khat = (diagnostics.get(name) for name in ("rhat", "ess", "khat"))
    sampled = diagnostics.get("engine") != "marginal"  # R-hat of independent draws is noise
    if sampled and "rhat" in diagnostics and (rhat is None or rhat >= RHAT_LIMIT):
        failed.append(f"R-hat is {_shown(rhat, 3)} (below {RHAT_LIMIT} passes)")
    if "ess" in diagnostics and (ess is None or ess <= ESS_LIMIT):
        failed.append(f"the effective sample is {_shown(ess, 0)} (above {ESS_LIMIT} passes)")
    if khat is not None and khat >= KHAT_LIMIT:
        failed.append(f"k-hat is {_shown(khat, 2)} (below {KHAT_LIMIT} passes)")
    if diagnostics.get("divergences"):
        failed.append(f"{diagnostics['divergences']} transitions diverged")
    return failed


def _shown(number: float | None, digits: int) -> str:
    return "not known" if number is None else f"{number:.{digits}f}"
