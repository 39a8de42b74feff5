"""Would an onset before the policy have shown an effect, too? Placebos in time: the same card, an earlier onset.

Each fake onset before the real one is a full refit on the rows before the policy, where its true effect is zero. With
the treated years in, as the paper has it (2012 and 2007), the fake years hold the effect itself: those refits are
shown beside and no null distribution. Fake onsets share their rows, so the share of them that is at least as large as
the real estimate describes and is no exact p-value.

Source: Akyeva (2026), Table 4; Heckman & Hotz (1989), JASA 84(408), doi:10.1080/01621459.1989.10478848.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bri_bayes.checks.placebo_null import count_excluding_zero, share_as_large, share_studentised
from bri_bayes.checks.refits import Refit
from bri_bayes.core.effect import Effect
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import PERIOD
from bri_bayes.design.analysis import Analysis

OBSERVED = "observed"
# What a label of a refit with the treated years in ends with.
WITH_TREATED = " with the treated years"


@dataclass(frozen=True)
class PlaceboOnset(Result):
    """The effect of one fake onset; of several onsets the first is named."""

    label: str
    onset: int
    att: Effect
    trustworthy: bool


@dataclass(frozen=True)
class PlacebosInTime(Result):
    """The real effect among those of earlier onsets, which describe and are no null distribution."""

    observed: Effect
    placebos: Sequence[PlaceboOnset]
    p_value: float | None
    p_value_studentised: float | None
    n: int
    excluding_zero: int
    with_treated_years: Sequence[PlaceboOnset]
    left_out: Mapping[str, str]


def time_recipes(analysis: Analysis) -> tuple[dict[str, Analysis], dict[str, str]]:
    """Recipes by label ("observed", "2008", "2008 with the treated years"), and the onsets that cannot be faked: why.

    With several onsets all are moved by the same number of periods, and the label is that of the first.
    """
    panel, assignment = analysis.panel, analysis.assignment
    onset = min(assignment.onsets)
    before = panel.sel({PERIOD: panel[PERIOD] < onset})
    recipes, left_out = {OBSERVED: analysis}, {}
    for fake in sorted(int(period) for period in before[PERIOD].to_numpy()):
        moved = assignment.shift(fake - onset)
        early = analysis.replace(panel=before, assignment=moved)
        if (reason := _problem(early)) is not None:
            left_out[str(fake)] = reason
            continue
        recipes[str(fake)] = early
        recipes[f"{fake}{WITH_TREATED}"] = analysis.replace(assignment=moved)
    return recipes, left_out


def time_values(refits: Mapping[str, Refit], left_out: Mapping[str, str]) -> PlacebosInTime:
    """The refits of ``time_recipes``; those with the treated years stand apart."""
    observed = refits[OBSERVED].att
    rows = [
        PlaceboOnset(label, int(label.split()[0]), refit.att, refit.trustworthy)
        for label, refit in refits.items()
        if label != OBSERVED
    ]
    early = [row for row in rows if not row.label.endswith(WITH_TREATED)]
    late = [row for row in rows if row.label.endswith(WITH_TREATED)]
    return PlacebosInTime(
        observed=observed,
        placebos=early,
        p_value=share_as_large(observed.mean, [row.att.mean for row in early]),
        p_value_studentised=share_studentised(observed, [row.att for row in early]),
        n=len(early),
        excluding_zero=count_excluding_zero([row.att for row in early]),
        with_treated_years=late,
        left_out=dict(left_out),
    )


def _problem(analysis: Analysis) -> str | None:
    """Why the rows cannot be an analysis with this onset; None when they can."""
    try:
        assert analysis.design is not None
    except InputError as error:
        return str(error)
    return None
