"""Does the answer hang on the choice of controls? Sets, single units, a wider pool, and controls that are not clean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bri_bayes.checks.contamination import (
    SHARES,
    Contaminated,
    LearnedShare,
    contaminated,
    learned_share,
    no_contamination,
    over_shares,
)
from bri_bayes.checks.control_sets import (
    MOST_CONTROLS,
    LeftOutFit,
    PoolFit,
    SetFit,
    ShareFit,
    SubsetFit,
    fit_sets,
    influence,
    left_out,
    subsets,
    with_controls,
)
from bri_bayes.checks.counterfactuals import RANKS, Counterfactual, factor_values, synthetic_values
from bri_bayes.checks.donors import Refused, by_rule
from bri_bayes.checks.refits import with_few_points
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import UNIT
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.presentation.gates import beyond_limits
from bri_bayes.presentation.results import SectionResult
from bri_bayes.report.sections.controls_page import TABLES, parts
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.refit_steps import gathered
from bri_bayes.runtime.steps import Parts, Step

NAME = "controls"
KINDS = ("subsets", "contaminated", "pool", "counterfactuals")
# Kept draws of the synthetic control and of the factor model, and of their placebos; for a first look.
DRAWS, PLACEBO_DRAWS, QUICK_DRAWS = 400, 120, 60
# Numbers of factors that are tried for a first look.
QUICK_RANKS = (0, 1, 2)
_CHUNK = 25
# These models are samplers whose estimate stands beside those of the cards: chains that differ by a few percent of
# the posterior variance move it by less than its last digit.
MOST_RHAT = 1.05


@dataclass(frozen=True)
class ControlsOutcome(Result):
    """One outcome against every choice of controls; what was not asked for, or is refused with a reason, is absent."""

    label: str
    main: SetFit
    treated: Sequence[str]
    controls: Sequence[str]
    subsets: Sequence[SubsetFit] | None = None
    influence: Sequence[Mapping[str, str | float]] | None = None
    leave_one_out: Sequence[LeftOutFit] | None = None
    subsets_refused: str | None = None
    contaminated: Sequence[ShareFit] | None = None
    contaminated_refused: str | None = None
    contamination: Contaminated | None = None
    pool: Sequence[PoolFit] | None = None
    synthetic: Counterfactual | Refused | None = None
    factor: Counterfactual | Refused | None = None
    expected: Sequence[str] = ()


def steps(context: Context) -> list[Step]:
    """Refits in pieces, and the two counterfactual models, for each outcome."""
    pieces = []
    for outcome in context.study.outcomes:
        recipes, main = _recipes(context, outcome), context.analysis(outcome)
        labels = list(recipes)
        for first in range(0, len(labels), _CHUNK):
            piece = {label: recipes[label] for label in labels[first : first + _CHUNK]}
            digests = [(label, recipe.digest) for label, recipe in piece.items()]
            key = content_key("control-sets", digests, main.digest, context.seed)
            place = (outcome, "fits", str(first // _CHUNK + 1))
            refits = partial(fit_sets, piece, context.seed, variants_of=main)
            pieces.append(Step(NAME, place, key, refits, dict[str, SetFit]))
        if _shares(context, outcome):
            analysis, since = context.analysis(outcome), dict(context.study.exposed)
            key = content_key("learned-share", analysis.digest, since, context.seed)
            call = partial(learned_share, analysis, since, context.seed)
            pieces.append(Step(NAME, (outcome, "share"), key, call, LearnedShare))
        if _wanted(context, "counterfactuals") and not context.brief:
            pieces += _counterfactuals(context, outcome)
    return pieces


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """By outcome: subsets, influence, leave_one_out, pool, contaminated, contamination, synthetic, factor."""
    outcomes, failed = {}, []
    for name, outcome in context.study.outcomes.items():
        fits = gathered((name, "fits"), results)
        share = results.get((name, "share"))
        models = {kind: results[name, kind] for kind in ("synthetic", "factor") if (name, kind) in results}
        outcomes[name] = _collected(context, name, outcome.label or name, fits, share, models)
        if share is not None and not share.trustworthy:
            failed.append(f"{NAME}/{name}: the fit with a learned share does not pass")
        failed += [
            f"{NAME}/{name}: R-hat of the {kind} model is {model.rhat:.2f} (up to {MOST_RHAT} passes)"
            for kind, model in models.items()
            if isinstance(model, Counterfactual) and model.rhat > MOST_RHAT
        ]
        failed += [
            f"{NAME}/{name}: {label}: {beyond_limits(vars(fit))}" for label, fit in fits.items() if not fit.trustworthy
        ]
    names = {unit: context.study.name_of(unit) for unit in context.study.assignment.units}
    return SectionResult(outcomes, failed_gates=failed, further={"unit_names": names, "card": context.checked.name})


def _wanted(context: Context, kind: str) -> bool:
    chosen = context.options.get("kind")
    if chosen is not None and chosen not in KINDS:
        raise InputError(f'--kind "{chosen}" is unknown; {suggest(chosen, KINDS)}')
    return chosen in (None, kind)


def _recipes(context: Context, outcome: str) -> dict[str, Analysis]:
    """Recipes by label: "main", "set/A,B", "without/A", "share/0.5", "pool/RULE"."""
    analysis = context.analysis(outcome)
    assignment = analysis.assignment
    recipes = {"main": analysis}
    if _wanted(context, "subsets"):
        for chosen in _sets(assignment):
            smaller = analysis.replace(assignment=with_controls(assignment, chosen))
            every = len(chosen) == len(assignment.never_treated)
            recipes[f"set/{','.join(chosen)}"] = smaller if every else with_few_points(smaller)
        for unit, remaining in left_out(assignment).items():
            recipes[f"without/{unit}"] = with_few_points(analysis.replace(assignment=remaining))
    for share in _shares(context, outcome):
        recipes[f"share/{share}"] = contaminated(analysis, context.study.exposed, share)
    if _wanted(context, "pool") and _is_wider(context):
        pool = context.pool()
        for rule, donors in _rules(context, outcome).items():
            onsets = {unit: assignment.first_treated[unit] for unit in assignment.treated_units}
            wider = Assignment({**onsets, **dict.fromkeys(donors)})
            recipes[f"pool/{rule}"] = analysis.replace(panel=pool, assignment=wider)
    return recipes


def _shares(context: Context, outcome: str) -> tuple[float, ...]:
    """The fixed shares that are fitted; none where no control is exposed or the card has no place for one."""
    since = context.study.exposed
    if not since or not _wanted(context, "contaminated"):
        return ()
    return () if no_contamination(context.analysis(outcome), since) else SHARES


def _sets(assignment: Assignment) -> list[tuple[str, ...]]:
    controls = assignment.never_treated
    return subsets(controls) if len(controls) <= MOST_CONTROLS else []


def _is_wider(context: Context) -> bool:
    return bool(set(context.pool()[UNIT].to_numpy().astype(str)) - set(context.study.assignment.units))


def _rules(context: Context, outcome: str) -> dict[str, tuple[str, ...]]:
    table = context.study.pool
    return by_rule(context.pool(), context.study.assignment, outcome, table.groups, table.nearest)


def _counterfactuals(context: Context, outcome: str) -> list[Step]:
    pool = context.pool()
    columns = pool[[outcome]]
    draws, placebo = (QUICK_DRAWS, QUICK_DRAWS) if context.quick else (DRAWS, PLACEBO_DRAWS)
    assignment = context.study.assignment
    content = (
        columns[outcome].transpose("unit", "period").to_numpy().astype(float).tobytes(),
        [str(unit) for unit in columns[UNIT].to_numpy()],
        columns["period"].to_numpy().tolist(),
        dict(assignment.first_treated),
    )
    synthetic: dict[str, Any] = {"draws": draws, "placebo_draws": placebo, "seed": context.seed}
    factor = synthetic | {"ranks": QUICK_RANKS if context.quick else RANKS}
    return [
        Step(
            NAME,
            (outcome, kind),
            content_key(f"controls-{kind}", *content, options),
            partial(work, columns, assignment, outcome, **options),
            Counterfactual | Refused,
        )
        for kind, work, options in (("synthetic", synthetic_values, synthetic), ("factor", factor_values, factor))
    ]


def _collected(
    context: Context,
    outcome: str,
    label: str,
    fits: Mapping[str, SetFit],
    share: LearnedShare | None,
    models: Mapping[str, Any],
) -> ControlsOutcome:
    assignment = context.study.assignment
    more: dict[str, Any] = {}
    treated, controls = assignment.treated_units, assignment.never_treated
    if _wanted(context, "subsets"):
        sets = {chosen: fits[f"set/{','.join(chosen)}"] for chosen in _sets(assignment)}
        more["subsets"] = [SubsetFit(**vars(fit), controls=list(chosen)) for chosen, fit in sets.items()]
        more["influence"] = influence({chosen: fit.att.mean for chosen, fit in sets.items()}) if sets else []
        more["leave_one_out"] = [
            LeftOutFit(**vars(fits[f"without/{unit}"]), without=unit, role="treated" if unit in treated else "control")
            for unit in left_out(assignment)
        ]
        if not sets:
            more["subsets_refused"] = f"{len(controls)} controls have too many sets to fit them all"
    if _wanted(context, "contaminated"):
        since, shares = dict(context.study.exposed), _shares(context, outcome)
        by_share = {fixed: fits[f"share/{fixed}"] for fixed in shares}
        density: Sequence[float | None] = [None] * len(shares)
        if share is not None:
            quadrature = over_shares(by_share)
            density = quadrature.density
            more["contamination"] = Contaminated(**vars(share), since=since, quadrature=quadrature)
        rows = zip(by_share.items(), density, strict=True)
        more["contaminated"] = [ShareFit(**vars(fit), share=fixed, density=known) for (fixed, fit), known in rows]
        if since and not shares:
            more["contaminated_refused"] = no_contamination(context.analysis(outcome), since)
    if _wanted(context, "pool"):
        rules = _rules(context, outcome) if _is_wider(context) else {}
        more["pool"] = [
            PoolFit(**vars(fits[f"pool/{rule}"]), rule=rule, controls=list(donors)) for rule, donors in rules.items()
        ]
    expected = [kind for kind, model in models.items() if isinstance(model, Counterfactual)]
    return ControlsOutcome(label, fits["main"], list(treated), list(controls), **more, **models, expected=expected)


SECTION = Section(
    name=NAME,
    title="The choice of controls",
    steps=steps,
    collect=collect,
    parts=parts,
    outcome=ControlsOutcome,
    tables=TABLES,
)
