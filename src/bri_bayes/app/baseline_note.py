"""Is a reader to be told that the answer stands by the last periods before the onset, and not by all of them?"""

from __future__ import annotations

from collections.abc import Mapping

from bri_bayes.design.analysis import Analysis
from bri_bayes.design.log_link import has_log_effects
from bri_bayes.estimands.baselines import baselines
from bri_bayes.frequentist.level_rows import of_logarithm
from bri_bayes.presentation.digits import digits_of
from bri_bayes.presentation.estimate_text import baselines_text


def baseline_notes(analysis: Analysis, att: Mapping[str, float]) -> list[str]:
    """A sentence where both baselines differ by more than an sd of the effect ``att``, and it stands by the second."""
    compared = of_logarithm(analysis)
    both = None if compared is None else baselines(compared.design)
    if both is None:
        return []
    shift, moved = both.last - both.whole, att["mean"] - both.whole
    if min(abs(shift), abs(moved)) <= att["sd"] or shift * moved < 0:
        return []
    digits = digits_of(att["lower"], att["upper"], "log" if has_log_effects(analysis.design) else "none")
    return [baselines_text(both, digits, lasting=analysis.card.errors.structure != "iid")]
