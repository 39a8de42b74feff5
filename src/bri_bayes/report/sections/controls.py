"""Does the answer hang on the choice of controls? Sets, single units, a wider pool, and controls that are not clean."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from bri_bayes.checks.contamination import SHARES, contaminated, learned_share, no_contamination, over_shares
from bri_bayes.checks.control_sets import MOST_CONTROLS, fit_sets, influence, left_out, subsets, with_controls
from bri_bayes.checks.counterfactuals import MOVES, RANKS, factor_values, synthetic_values
from bri_bayes.checks.donors import by_rule
from bri_bayes.core.errors import InputError, suggest
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
DRAWS, PLACEBO_DRAWS, QUICK_DRAWS = 400, 150, 60
# For a first look, moves between draws of the synthetic control and numbers of factors that are tried.
QUICK_MOVES, QUICK_RANKS = 40, (0, 1, 2)
_CHUNK = 25
# These models are samplers whose estimate stands beside those of the cards: chains that differ by a few percent of
# the posterior variance move it by less than its last digit.
MOST_RHAT = 1.05


def steps(context: Context) -> list[Step]:
    """Refits in pieces, and the two counterfactual models, for each outcome."""
    found = []
    for outcome in context.study.outcomes:
        recipes = _recipes(context, outcome)
        labels = list(recipes)
        for first in range(0, len(labels), _CHUNK):
            piece = {label: recipes[label] for label in labels[first : first + _CHUNK]}
            key = content_key("control-sets", [(label, one.digest) for label, one in piece.items()], context.seed)
            place = (outcome, "fits", str(first // _CHUNK + 1))
            found.append(Step(NAME, place, key, partial(fit_sets, piece, context.seed)))
        if _shares(context, outcome):
            analysis, since = context.analysis(outcome), dict(context.study.exposed)
            key = content_key("learned-share", analysis.digest, since, context.seed)
            call = partial(learned_share, analysis, since, context.seed)
            found.append(Step(NAME, (outcome, "share"), key, call))
        if _wanted(context, "counterfactuals"):
            found += _counterfactuals(context, outcome)
    return found


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """By outcome: subsets, influence, leave_one_out, pool, contaminated, contamination, synthetic, factor."""
    outcomes, failed = {}, []
    for name, outcome in context.study.outcomes.items():
        fits = gathered((name, "fits"), results)
        content = {"label": outcome.label or name, **_collected(context, name, fits)}
        if share := results.get((name, "share")):
            content["contamination"] = {
                "since": dict(context.study.exposed),
                "prior": [1.0, 1.0],
                **share,
                "quadrature": over_shares(content["contaminated"]),
            }
            for record, density in zip(
                content["contaminated"], content["contamination"]["quadrature"].pop("density"), strict=True
            ):
                record["density"] = density
            if not share["trustworthy"]:
                failed.append(f"{NAME}/{name}: the fit with a learned share does not pass")
        for kind in ("synthetic", "factor"):
            if (name, kind) in results:
                content[kind] = results[name, kind]
                if (rhat := content[kind].get("rhat", 1.0)) > MOST_RHAT:
                    failed.append(f"{NAME}/{name}: R-hat of the {kind} model is {rhat:.2f} (up to {MOST_RHAT} passes)")
        content["expected"] = [kind for kind in ("synthetic", "factor") if "att" in content.get(kind, {})]
        failed += [
            f"{NAME}/{name}: {label}: {beyond_limits(fit)}" for label, fit in fits.items() if not fit["trustworthy"]
        ]
        outcomes[name] = content
    names = {unit: context.study.name_of(unit) for unit in context.study.assignment.units}
    return SectionResult(outcomes, failed_gates=failed, further={"unit_names": names})


def _wanted(context: Context, kind: str) -> bool:
    chosen = context.options.get("kind")
    if chosen is not None and chosen not in KINDS:
        raise InputError(f'--kind "{chosen}" is unknown; {suggest(chosen, KINDS)}')
    return chosen in (None, kind)


def _recipes(context: Context, outcome: str) -> dict[str, Analysis]:
    """Recipes by label: "main", "set/A,B", "without/A", "share/0.5", "pool/RULE"."""
    analysis = context.analysis(outcome)
    assignment = analysis.assignment
    found = {"main": analysis}
    if _wanted(context, "subsets"):
        for chosen in _sets(assignment):
            found[f"set/{','.join(chosen)}"] = analysis.replace(assignment=with_controls(assignment, chosen))
        for unit, smaller in left_out(assignment).items():
            found[f"without/{unit}"] = analysis.replace(assignment=smaller)
    for share in _shares(context, outcome):
        found[f"share/{share}"] = contaminated(analysis, context.study.exposed, share)
    if _wanted(context, "pool") and _is_wider(context):
        pool = context.pool()
        for rule, donors in _rules(context, outcome).items():
            onsets = {unit: assignment.first_treated[unit] for unit in assignment.treated_units}
            wider = Assignment({**onsets, **dict.fromkeys(donors)})
            found[f"pool/{rule}"] = analysis.replace(panel=pool, assignment=wider)
    return found


def _shares(context: Context, outcome: str) -> tuple[float, ...]:
    """The fixed shares that are fitted; none where no control is exposed or the main card has no place for one."""
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
    options: dict[str, Any] = {"draws": draws, "placebo_draws": placebo, "seed": context.seed}
    own_options: dict[str, dict[str, Any]] = {
        "synthetic": {"moves": QUICK_MOVES if context.quick else MOVES},
        "factor": {"ranks": QUICK_RANKS if context.quick else RANKS},
    }
    return [
        Step(
            NAME,
            (outcome, kind),
            content_key(f"controls-{kind}", *content, options, own_options[kind]),
            partial(work, columns, assignment, outcome, **options, **own_options[kind]),
        )
        for kind, work in (("synthetic", synthetic_values), ("factor", factor_values))
    ]


def _collected(context: Context, outcome: str, fits: Mapping[str, Any]) -> dict[str, Any]:
    assignment = context.study.assignment
    treated = assignment.treated_units
    content: dict[str, Any] = {
        "main": fits["main"],
        "treated": list(treated),
        "controls": list(assignment.never_treated),
    }
    if _wanted(context, "subsets"):
        sets = {chosen: fits[f"set/{','.join(chosen)}"] for chosen in _sets(assignment)}
        content["subsets"] = [{"controls": list(chosen), **fit} for chosen, fit in sets.items()]
        content["influence"] = influence({chosen: fit["att"]["mean"] for chosen, fit in sets.items()}) if sets else []
        content["leave_one_out"] = [
            {"without": unit, "role": "treated" if unit in treated else "control", **fits[f"without/{unit}"]}
            for unit in left_out(assignment)
        ]
        if not sets:
            content["subsets_refused"] = f"{len(assignment.never_treated)} controls have too many sets to fit them all"
    if _wanted(context, "contaminated"):
        shares = _shares(context, outcome)
        content["contaminated"] = [{"share": share, **fits[f"share/{share}"]} for share in shares]
        if context.study.exposed and not shares:
            content["contaminated_refused"] = no_contamination(context.analysis(outcome), context.study.exposed)
    if _wanted(context, "pool"):
        rules = _rules(context, outcome) if _is_wider(context) else {}
        content["pool"] = [
            {"rule": rule, "controls": list(donors), **fits[f"pool/{rule}"]} for rule, donors in rules.items()
        ]
    return content


SECTION = Section(
    name=NAME,
    title="The choice of controls",
    steps=steps,
    collect=collect,
    parts=parts,
    tables=TABLES,
)
