"""Would an onset before the policy have shown an effect, too? Placebos in time: the same card, an earlier onset.

Each fake onset before the real one is a refit on the rows before the policy, where its true effect is zero. With
the treated years in, as the paper has it (2012 and 2007), the fake years hold the effect itself: those refits are
shown beside and no null distribution. Fake onsets share their rows, so the share of them that is at least as large as
the real estimate describes and is no exact p-value.

Source: Akyeva (2026), Table 4; Heckman & Hotz (1989), JASA 84(408), doi:10.1080/01621459.1989.10478848.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bri_bayes.checks.placebo_null import count_excluding_zero, effects_of, share_as_large, share_studentised
from bri_bayes.checks.refits import Refit, refit
from bri_bayes.core.effect import Effect
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import PERIOD
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.convergence import ESS_LIMIT
from bri_bayes.inference.equal_outcomes import covers_equal
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.onsets import att_of_onsets

OBSERVED = "observed"
# What a label of a refit with the treated years in ends with.
WITH_TREATED = " with the treated years"
# Up to so many fake onsets are refits by themselves, which take seconds; more share the points of ``inference.onsets``.
MOST_REFITS = 20


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


def placebos_in_time(analysis: Analysis, seed: int = 0) -> PlacebosInTime:
    """All of it in this process."""
    if not shares_onsets(analysis):
        recipes, left_out = time_recipes(analysis)
        return time_values({label: refit(recipe, seed) for label, recipe in recipes.items()}, left_out)
    refits = {OBSERVED: refit(analysis, seed)}
    for with_treated in (False, True):
        refits |= shared_refits(analysis, with_treated=with_treated, seed=seed)
    return time_values(refits, reasons_left_out(analysis, refits))


def time_recipes(analysis: Analysis) -> tuple[dict[str, Analysis], dict[str, str]]:
    """Recipes by label ("observed", "2008", "2008 with the treated years"), and the onsets that cannot be faked: why.

    With several onsets all are moved by the same number of periods, and the label is that of the first.
    """
    recipes, left_out = {OBSERVED: analysis}, {}
    for fake in fake_onsets(analysis):
        early, late = _moved(analysis, fake)
        if (reason := _problem(early)) is not None:
            left_out[str(fake)] = reason
            continue
        recipes[str(fake)] = early
        recipes[f"{fake}{WITH_TREATED}"] = late
    return recipes, left_out


def fake_onsets(analysis: Analysis) -> list[int]:
    """The periods before the policy."""
    periods = analysis.panel[PERIOD].to_numpy()
    return sorted(int(period) for period in periods[periods < min(analysis.assignment.onsets)])


def shares_onsets(analysis: Analysis) -> bool:
    """Whether one engine answers all fake onsets: there are many, and it covers the card and the rows."""
    return len(fake_onsets(analysis)) > MOST_REFITS and covers_equal(analysis.design, analysis.card)


def shared_refits(analysis: Analysis, *, with_treated: bool, points: int = 2000, seed: int = 0) -> dict[str, Refit]:
    """What refits of ``time_recipes`` say, but for the observed one, for a recipe that ``shares_onsets``."""
    fakes = fake_onsets(analysis)
    early, _ = _moved(analysis, fakes[-1])
    if _problem(early) is not None:  # The rows of the years before the policy are the same for every fake onset.
        return {}
    design, years = analysis.design if with_treated else early.design, early.design[PERIOD].to_numpy()
    fakes = [fake for fake in fakes if years[0] < fake <= years[-1]]
    answers = att_of_onsets(design, analysis.card, fakes, points=points, seed=seed)
    refits = {}
    for fake, effect, ess, khat in zip(fakes, effects_of(answers), answers["ess"], answers["khat"], strict=True):
        if khat < KHAT_LIMIT and ess > ESS_LIMIT:
            diagnostics = {"ess": float(ess), "khat": float(khat), "rhat": None, "log_marginal": None}
            answer = Refit(effect, "marginal", **diagnostics, rows=design.sizes["obs"], trustworthy=True)
        else:  # not even with points of its own: what any refit does then
            answer = refit(_moved(analysis, fake)[with_treated], seed)
        refits[f"{fake}{WITH_TREATED}" if with_treated else str(fake)] = answer
    return refits


def reasons_left_out(analysis: Analysis, refits: Mapping[str, Refit]) -> dict[str, str]:
    """Why the onsets without a refit cannot be faked."""
    missing = [fake for fake in fake_onsets(analysis) if str(fake) not in refits]
    return {str(fake): str(_problem(_moved(analysis, fake)[0])) for fake in missing}


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


def _moved(analysis: Analysis, fake: int) -> tuple[Analysis, Analysis]:
    """The recipe with the onset ``fake``, on the years before the policy and on all."""
    panel, assignment = analysis.panel, analysis.assignment
    onset = min(assignment.onsets)
    late = analysis.replace(assignment=assignment.shift(fake - onset))
    return late.replace(panel=panel.sel({PERIOD: panel[PERIOD] < onset})), late


def _problem(analysis: Analysis) -> str | None:
    """Why the rows cannot be an analysis with this onset; None when they can."""
    try:
        assert analysis.design is not None
    except InputError as error:
        return str(error)
    return None
