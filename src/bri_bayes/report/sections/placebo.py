"""Section: would we have seen this without the policy? Placebos in time, in space and from the posterior predictive."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.data.panel import Panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.presentation.gates import beyond_limits
from bri_bayes.presentation.results import SectionResult
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.placebo_page import TABLES, parts, verdicts
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.refit_steps import gathered, refit_steps
from bri_bayes.runtime.steps import Parts, Step

NAME = "placebo"
KINDS = ("time", "space", "predictive")
# Random groups of the wider pool and simulated panels; fewer for a first look.
GROUPS, QUICK_GROUPS = 500, 100
POINTS, QUICK_POINTS = 2000, 1000


def steps(context: Context) -> list[Step]:
    """For each outcome: refits in time, the two nulls in space, the wider pool, the posterior predictive."""
    kinds = _kinds(context)
    groups = QUICK_GROUPS if context.quick else GROUPS
    points = QUICK_POINTS if context.quick else POINTS
    found: list[Step] = []
    for name in context.study.outcomes:
        analysis = context.analysis(name)
        if "time" in kinds:
            found += _time_steps(name, analysis, context.seed)
        if "space" in kinds:
            found += _space_steps(name, analysis, context.seed, points)
            found += _pool_steps(name, analysis, context, groups, points)
        if "predictive" in kinds:
            found.append(_step("predictive", name, analysis, _predictive, groups, context.seed))
    return found


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """The placebos of each outcome by kind, a check each without pass or fail, and the gates that failed."""
    from bri_bayes.checks.placebo_time import time_recipes, time_values

    outcomes: dict[str, Any] = {}
    failed: list[str] = []
    for name, outcome in context.study.outcomes.items():
        analysis = context.analysis(name)
        own: dict[str, Any] = {
            "label": outcome.label or name,
            "units": outcome.units,
            "transform": outcome.transform,
            "treated": list(context.study.assignment.treated_units),
            "onset": min(context.study.assignment.onsets),
        }
        if "time" in _kinds(context):
            refits = gathered(("time", name), results)
            own["time"] = time_values(refits, time_recipes(analysis)[1])
            failed += [
                f"placebo in time {label}, {own['label']}: {beyond_limits(refit)}"
                for label, refit in refits.items()
                if not refit["trustworthy"]
            ]
        if "space" in _kinds(context):
            own["space"] = _space(name, analysis, context, results)
        if "predictive" in _kinds(context):
            own["predictive"] = _without_problem(results["predictive", name])
        outcomes[name] = own
    failed += _unreliable(outcomes)
    claims = judged(context, ("fake_groups", "fake_onsets"), outcomes)
    return SectionResult(outcomes, claims, verdicts(outcomes), failed)


def _kinds(context: Context) -> tuple[str, ...]:
    kind = context.options.get("kind", "all")
    if kind not in (*KINDS, "all"):
        raise InputError(f'--kind "{kind}" is unknown; {suggest(kind, (*KINDS, "all"))}')
    return KINDS if kind == "all" else (kind,)


def _step(piece: str, name: str, analysis: Analysis, call: Any, *given: Any) -> Step:
    key = content_key(f"placebo-{piece}", analysis.digest, *given)
    return Step(NAME, (piece, name), key, partial(call, analysis, *given))


def _time_steps(name: str, analysis: Analysis, seed: int) -> list[Step]:
    from bri_bayes.checks.placebo_time import time_recipes

    return refit_steps(NAME, ("time", name), time_recipes(analysis)[0], seed)


def _space_steps(name: str, analysis: Analysis, seed: int, points: int) -> list[Step]:
    from bri_bayes.checks.placebo_space import is_shared, space_recipes

    if is_shared(analysis):
        return [_step("space", name, analysis, _any_country, points, seed)]
    return refit_steps(NAME, ("space", name), space_recipes(analysis, seed), seed)


def _pool_steps(name: str, analysis: Analysis, context: Context, groups: int, points: int) -> list[Step]:
    from bri_bayes.checks.placebo_pool import candidates, problem
    from bri_bayes.checks.placebo_space import is_shared

    found = []
    if is_shared(analysis) and len(analysis.assignment.never_treated) > 1:
        found.append(_step("controls", name, analysis, _controls_only, points, context.seed))
    pool = context.pool()
    units = candidates(analysis, pool, list(context.study.outcomes))
    if problem(analysis, units) is None and is_shared(analysis):
        own = pool[[name]].sel(unit=sorted({*units, *analysis.assignment.treated_units}))
        names, rows = tuple(units), own[name].to_numpy().tobytes()
        key = content_key("placebo-pool", analysis.digest, names, rows, groups, points, context.seed)
        call = partial(_pool, analysis, own, names, groups, points, context.seed)
        found.append(Step(NAME, ("pool", name), key, call))
    return found


def _space(name: str, analysis: Analysis, context: Context, results: Mapping[Parts, Any]) -> dict[str, Any]:
    """Any country on top, as in the design; below it the null of the controls alone and those of the wider pool."""
    from bri_bayes.checks.placebo_pool import candidates, problem
    from bri_bayes.checks.placebo_space import any_country

    if ("space", name) in results:
        values = dict(results["space", name])
    else:
        values = any_country(analysis, gathered(("space", name), results), seed=context.seed)
    values["controls_only"] = _without_problem(results.get(("controls", name)))
    pool = results.get(("pool", name)) or {}
    values["wide_pool"], values["wide_pool_all_others"] = pool.get("same_shape"), pool.get("all_others")
    if not pool:
        units = candidates(analysis, context.pool(), list(context.study.outcomes))
        values["no_pool"] = problem(analysis, units) or "the model does not share its columns over assignments"
    return values


def _without_problem(values: Any) -> Any:
    return None if not values or "problem" in values else values


def _unreliable(outcomes: Mapping[str, Any]) -> list[str]:
    from bri_bayes.inference.importance import KHAT_LIMIT

    nulls = [
        (f"{outcome['label']}: {label}", values)
        for outcome in outcomes.values()
        for label, values in (
            ("placebos in space", outcome.get("space")),
            ("placebos among the controls", (outcome.get("space") or {}).get("controls_only")),
            ("placebos from the wider pool", (outcome.get("space") or {}).get("wide_pool")),
            ("placebos against all others", (outcome.get("space") or {}).get("wide_pool_all_others")),
            ("posterior predictive placebos", outcome.get("predictive")),
        )
    ]
    return [
        f"{label}: the largest k-hat is {values['khat']:.2f}, above {KHAT_LIMIT}"
        for label, values in nulls
        if values and values["khat"] is not None and values["khat"] >= KHAT_LIMIT
    ]


def _any_country(analysis: Analysis, points: int, seed: int) -> dict[str, Any]:
    from bri_bayes.checks.placebo_space import any_country

    return any_country(analysis, points=points, seed=seed)


def _controls_only(analysis: Analysis, points: int, seed: int) -> dict[str, Any]:
    from bri_bayes.checks.placebo_space import controls_only

    return controls_only(analysis, points=points, seed=seed)


def _pool(
    analysis: Analysis, pool: Panel, units: tuple[str, ...], groups: int, points: int, seed: int
) -> dict[str, Any]:
    from bri_bayes.checks.placebo_pool import all_others, same_shape

    return {
        "same_shape": same_shape(analysis, pool, units, groups=groups, points=2 * points, seed=seed),
        "all_others": all_others(analysis, pool, units, groups=groups, points=points, seed=seed),
    }


def _predictive(analysis: Analysis, panels: int, seed: int) -> dict[str, Any]:
    from bri_bayes.checks.null_model import problem_of
    from bri_bayes.checks.placebo_predictive import predictive_values
    from bri_bayes.checks.posterior_predictive import predictive_checks

    if (reason := problem_of(analysis)) is not None:
        return {"problem": reason}
    values = predictive_values(analysis, panels=panels, seed=seed)
    return {**values, "model_checks": predictive_checks(analysis, panels=2 * panels, seed=seed)}


SECTION = Section(
    name=NAME,
    title="Placebos: would we have seen this without the policy?",
    steps=steps,
    collect=collect,
    parts=parts,
    tables=TABLES,
)
