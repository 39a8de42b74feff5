"""What does the same card say of many changed recipes? Refits in cached pieces that processes can share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from bri_bayes.checks.refits import Refit, placebo_refit, refit
from bri_bayes.design.analysis import Analysis
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

# Refits in one step: a quarter of a second to a few seconds of work, so that little is lost when it is stopped.
CHUNK = 25


def refit_steps(
    owner: str,
    parts: Parts,
    analyses: Mapping[str, Analysis],
    seed: int,
    *,
    chunk: int = CHUNK,
    placebos_of: Analysis | None = None,
) -> list[Step]:
    """Steps (*parts, "1"), (*parts, "2"), ... whose results are {label: ``refit``} of ``chunk`` recipes each.

    ``placebos_of`` : the recipe whose posterior places theirs, where they have other treated units.
    """
    asked = [] if placebos_of is None else [placebos_of.digest]
    labels = list(analyses)
    pieces = [labels[first : first + chunk] for first in range(0, len(labels), chunk)]
    return [
        Step(
            owner,
            (*parts, str(position)),
            content_key("refits", [(label, analyses[label].digest) for label in piece], seed, *asked),
            partial(_refits, {label: analyses[label] for label in piece}, seed, placebos_of),
            dict[str, Refit],
        )
        for position, piece in enumerate(pieces, start=1)
    ]


def gathered[R: Refit](parts: Parts, results: Mapping[Parts, Mapping[str, R]]) -> dict[str, R]:
    """The refits of every step of ``refit_steps(owner, parts, ...)`` by label, from the results of the owner."""
    return {label: record for step, piece in results.items() if step[:-1] == parts for label, record in piece.items()}


def _refits(analyses: Mapping[str, Analysis], seed: int, placebos_of: Analysis | None) -> dict[str, Refit]:
    if placebos_of is None:
        return {label: refit(analysis, seed) for label, analysis in analyses.items()}
    return {label: placebo_refit(analysis, placebos_of, seed) for label, analysis in analyses.items()}
