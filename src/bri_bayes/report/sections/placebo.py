"""Section: would we have seen this without the policy? Placebos in time, in space and from the posterior predictive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bri_bayes.checks.null_model import posterior_draws, problem_of
from bri_bayes.checks.placebo_null import Null
from bri_bayes.checks.placebo_pool import WiderPool, all_others, candidates, problem, same_shape
from bri_bayes.checks.placebo_predictive import Predictive, predictive_values
from bri_bayes.checks.placebo_region import RegionalPlacebos, regional_placebos
from bri_bayes.checks.placebo_space import (
    AnyUnit,
    ControlsOnly,
    any_unit,
    controls_only,
    is_shared,
    space_recipes,
)
from bri_bayes.checks.placebo_time import (
    OBSERVED,
    PlacebosInTime,
    reasons_left_out,
    shared_refits,
    shares_onsets,
    time_recipes,
    time_values,
)
from bri_bayes.checks.posterior_predictive import predictive_checks
from bri_bayes.checks.refits import Refit
from bri_bayes.checks.wide_pool import wide_problem
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.json_values import Result, json_safe
from bri_bayes.data.panel import Panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.presentation.gates import beyond_limits
from bri_bayes.presentation.results import SectionResult
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.placebo_page import TABLES, parts, verdicts
from bri_bayes.report.sections.pool import content_of, series_of, shared_analysis
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.refit_steps import gathered, refit_steps
from bri_bayes.runtime.steps import Parts, Step

NAME = "placebo"
KINDS = ("time", "space", "region", "predictive")
# Random groups of the wider pool and simulated panels; fewer for a first look.
GROUPS, QUICK_GROUPS = 500, 100
POINTS, QUICK_POINTS = 2000, 1000
# Groups drawn from each region of the file; fewer for a first look.
DRAWS, QUICK_DRAWS = 4, 1


@dataclass(frozen=True)
class Pools(Result):
    """Groups of the wider pool, with as many controls as there are and against all others."""

    same_shape: WiderPool
    all_others: WiderPool


@dataclass(frozen=True)
class PlacebosInSpace(AnyUnit):
    """Any group of the same units; below it the nulls without a treated unit, None where there are none."""

    controls_only: ControlsOnly | None
    wide_pool: WiderPool | None
    wide_pool_all_others: WiderPool | None
    no_pool: str | None = None


@dataclass(frozen=True)
class PlaceboOutcome(Result):
    """The placebos of one outcome, as far as they were asked for and can be had."""

    label: str
    units: str | None
    transform: str
    treated: Sequence[str]
    onset: int
    time: PlacebosInTime | None = None
    no_time: str | None = None
    space: PlacebosInSpace | None = None
    predictive: Predictive | None = None
    region: RegionalPlacebos | None = None
    no_region: str | None = None


def steps(context: Context) -> list[Step]:
    """For each outcome: refits in time, the two nulls in space, the wider pool, the posterior predictive."""
    kinds, seed = _kinds(context), context.seed
    groups = QUICK_GROUPS if context.quick else GROUPS
    points = QUICK_POINTS if context.quick else POINTS
    pieces: list[Step] = []
    for name in context.study.outcomes:
        analysis = context.analysis(name)
        if "predictive" in kinds and problem_of(analysis) is None:  # longest pieces first
            sizes = {"panels": groups, "points": points, "seed": seed}
            pieces.append(_step("predictive", name, _predictive, analysis, Predictive, **sizes))
        shared = "space" in kinds and is_shared(analysis)
        if shared and len(analysis.assignment.never_treated) > 1:
            pieces.append(_step("controls", name, controls_only, analysis, ControlsOnly, points=points, seed=seed))
        if "time" in kinds:
            pieces += _time_steps(name, analysis, points, seed)
        if shared:
            pieces.append(_step("space", name, any_unit, analysis, AnyUnit, points=points, seed=seed))
            pieces += _pool_steps(name, analysis, context, groups, points)
        elif "space" in kinds:
            pieces += refit_steps(NAME, ("space", name), space_recipes(analysis, seed), seed, placebos_of=analysis)
        if "region" in kinds:
            pieces += _region_steps(name, context)
    return pieces


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """The placebos of each outcome by kind, a check each without pass or fail, and the gates that failed."""
    outcomes: dict[str, PlaceboOutcome] = {}
    failed: list[str] = []
    for name, outcome in context.study.outcomes.items():
        analysis, label = context.analysis(name), outcome.label or name
        in_time, no_time = None, None
        if "time" in _kinds(context):
            refits = gathered(("time", name), results)
            in_time = time_values(refits, left_out := reasons_left_out(analysis, refits))
            if not in_time.placebos:
                in_time, no_time = None, next(reversed(left_out.values()), "there is no year before the policy")
            failed += [
                f"placebo in time {onset}, {label}: {beyond_limits(vars(refit))}"
                for onset, refit in refits.items()
                if not refit.trustworthy
            ]
        outcomes[name] = PlaceboOutcome(
            label=label,
            units=outcome.units,
            transform=outcome.transform,
            treated=list(context.study.assignment.treated_units),
            onset=min(context.study.assignment.onsets),
            time=in_time,
            no_time=no_time,
            space=_space(name, analysis, context, results) if "space" in _kinds(context) else None,
            predictive=results.get(("predictive", name)),
            region=results.get(("region", name)),
            no_region=_no_region(name, context) if context.options.get("kind") == "region" else None,
        )
    failed += [sentence for placebos in outcomes.values() for sentence in _unreliable(placebos)]
    written = json_safe(outcomes)
    claims = judged(context, ("fake_groups", "fake_onsets"), written)
    return SectionResult(outcomes, claims, verdicts(written), failed, further={"card": context.checked.name})


def _kinds(context: Context) -> tuple[str, ...]:
    kind = context.options.get("kind", "all")
    if kind not in (*KINDS, "all"):
        raise InputError(f'--kind "{kind}" is unknown; {suggest(kind, (*KINDS, "all"))}')
    return KINDS if kind == "all" else (kind,)


def _step(piece: str, name: str, call: Callable[..., Any], analysis: Analysis, kind: type, **given: int) -> Step:
    key = content_key(f"placebo-{piece}", analysis.digest, *given.values())
    return Step(NAME, (piece, name), key, partial(call, analysis, **given), kind)


def _time_steps(name: str, analysis: Analysis, points: int, seed: int) -> list[Step]:
    """Refits; where there are many, the observed one and the fake onsets of either kind together."""
    if not shares_onsets(analysis):
        return refit_steps(NAME, ("time", name), time_recipes(analysis)[0], seed)
    pieces = refit_steps(NAME, ("time", name), {OBSERVED: analysis}, seed)
    for with_treated in (True, False):
        key = content_key("placebo-onsets", analysis.digest, with_treated, points, seed)
        call = partial(shared_refits, analysis, with_treated=with_treated, points=points, seed=seed)
        pieces.append(Step(NAME, ("time", name, "all years" if with_treated else "early"), key, call, dict[str, Refit]))
    return pieces


def _pool_steps(name: str, analysis: Analysis, context: Context, groups: int, points: int) -> list[Step]:
    pool = context.pool()
    units = candidates(analysis, pool, list(context.study.outcomes))
    if problem(analysis, units) is not None:
        return []
    series = pool[[name]].sel(unit=sorted({*units, *analysis.assignment.treated_units}))
    names, rows = tuple(units), series[name].to_numpy().tobytes()
    key = content_key("placebo-pool", analysis.digest, names, rows, groups, points, context.seed)
    call = partial(_pool, analysis, series, names, groups, points, context.seed)
    return [Step(NAME, ("pool", name), key, call, Pools)]


def _region_steps(name: str, context: Context) -> list[Step]:
    """The regions of the file, where the study has groups."""
    if context.study.groups is None or _no_region(name, context) is not None:
        return []
    analysis, pool = shared_analysis(context, name), context.pool()
    units = candidates(analysis, pool, [name])
    series = series_of(pool, name, [*units, *analysis.assignment.treated_units])
    draws = QUICK_DRAWS if context.quick else DRAWS
    key = content_key("placebo-region", analysis.digest, tuple(units), *content_of(series, name), draws, context.seed)
    call = partial(regional_placebos, analysis, series, units, draws=draws, seed=context.seed)
    return [Step(NAME, ("region", name), key, call, RegionalPlacebos)]


def _no_region(name: str, context: Context) -> str | None:
    analysis, pool = shared_analysis(context, name), context.pool()
    return wide_problem(analysis, pool, candidates(analysis, pool, [name]))


def _space(name: str, analysis: Analysis, context: Context, results: Mapping[Parts, Any]) -> PlacebosInSpace:
    any_group = results.get(("space", name))
    if any_group is None:
        any_group = any_unit(analysis, gathered(("space", name), results), seed=context.seed)
    pools, no_pool = results.get(("pool", name)), None
    if pools is None:
        units = candidates(analysis, context.pool(), list(context.study.outcomes))
        no_pool = problem(analysis, units) or "the model does not share its columns over assignments"
    return PlacebosInSpace(
        **vars(any_group),
        controls_only=results.get(("controls", name)),
        wide_pool=None if pools is None else pools.same_shape,
        wide_pool_all_others=None if pools is None else pools.all_others,
        no_pool=no_pool,
    )


def _unreliable(outcome: PlaceboOutcome) -> list[str]:
    space, region = outcome.space, outcome.region
    nulls: dict[str, Null | None] = {"placebos in space": space, "posterior predictive placebos": outcome.predictive}
    nulls |= {"regional placebos": region, "narrow regional placebos": None if region is None else region.narrow}
    if space is not None:
        nulls["placebos among the controls"] = space.controls_only
        nulls["placebos from the wider pool"] = space.wide_pool
        nulls["placebos against all others"] = space.wide_pool_all_others
    return [
        f"{outcome.label}: {label}: the largest k-hat is {null.khat:.2f}, above {KHAT_LIMIT}"
        for label, null in nulls.items()
        if null is not None and null.khat is not None and null.khat >= KHAT_LIMIT
    ]


def _pool(analysis: Analysis, pool: Panel, units: tuple[str, ...], groups: int, points: int, seed: int) -> Pools:
    return Pools(
        same_shape(analysis, pool, units, groups=groups, points=2 * points, seed=seed),
        all_others(analysis, pool, units, groups=groups, points=points, seed=seed),
    )


def _predictive(analysis: Analysis, panels: int, points: int, seed: int) -> Predictive:
    draws = posterior_draws(analysis.design, analysis.card, 2 * panels, seed)
    values = predictive_values(analysis, panels=panels, points=points, seed=seed, draws=draws.first(panels))
    return replace(values, model_checks=predictive_checks(analysis, panels=2 * panels, seed=seed, draws=draws))


SECTION = Section(
    name=NAME,
    title="Placebos: would we have seen this without the policy?",
    steps=steps,
    collect=collect,
    parts=parts,
    outcome=PlaceboOutcome,
    tables=TABLES,
)
