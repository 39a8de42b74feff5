"""How are commands made quick enough for thousands of cases? Every step as it is, on a few draws and proposals.

Fuzzing asks whether a command ends well, not for its numbers. So importance samples have one small batch and are
believed whatever their k-hat, studies have the fewest draws that a card may ask for, simulations have a few panels,
and NUTS, whose input has been checked by then, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from math import inf
from typing import Any
from unittest.mock import patch

from bri_bayes.core.errors import InputError
from bri_bayes.study.model_card import Sampler

PROPOSALS, PANELS = 64, 20
FEW = Sampler(chains=2, draws=100, tune=100, proposals=200)


@contextmanager
def tiny_steps() -> Iterator[None]:
    """Commands in this process take small steps."""
    from bri_bayes.checks import honest_bounds
    from bri_bayes.frequentist import few_clusters, resampling
    from bri_bayes.inference import importance, marginal

    sample = importance.sample_by_importance

    def few(log_density: Any, start: Any, _: int, rng: Any) -> Any:
        return sample(log_density, start, PROPOSALS, rng)

    stop = InputError("as far as the sampler")
    changes = [
        patch.object(marginal, "sample_by_importance", few),
        patch.object(importance, "_BATCHES", (1,)),
        patch.object(importance, "_AGAIN", ()),
        patch("bri_bayes.inference.fitting.KHAT_LIMIT", inf),
        patch("bri_bayes.inference.fitting.ESS_LIMIT", 0.0),
        patch("bri_bayes.inference.fitting.sample_nuts", side_effect=stop),
        patch("bri_bayes.inference.categories.sample_categories", side_effect=stop),
        patch("bri_bayes.app.study_outline.QUICK", FEW),
        patch.object(few_clusters, "ENUMERATED_CLUSTERS", 5),
        patch.object(few_clusters, "VERY_MANY", 0),
        patch.object(resampling, "VERY_MANY", 0),
        patch.object(honest_bounds, "honest_coverage", partial(honest_bounds.honest_coverage, panels=PANELS)),
    ]
    with ExitStack() as stack:
        for change in changes:
            stack.enter_context(change)
        yield
