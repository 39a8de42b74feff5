"""Which products gained most? Trade by category in one hierarchical model, with the probability of every rank."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr

from bri_bayes.checks.category_levels import category_levels
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import json_safe
from bri_bayes.core.names import CATEGORY, PERIOD, UNIT
from bri_bayes.data.categories import CategorySource, growth_rows, load_categories
from bri_bayes.design.category_design import CategoryDesign, category_difference_design, category_panel_design
from bri_bayes.presentation.gates import beyond_limits
from bri_bayes.presentation.results import CANNOT_BE_TOLD, NOT_SUPPORTED, SUPPORTED, Claim, SectionResult
from bri_bayes.report.sections.categories_page import NAME, RULE, SURE, TABLES, parts
from bri_bayes.report.sections.section import Context, Section, collected, no_single_card
from bri_bayes.runtime.cache import Cache, content_key
from bri_bayes.runtime.steps import Parts, Step, run_steps
from bri_bayes.study.study_file import load_study

MAIN, POOL = "assignment", "pool"
LEVELS = "levels"


def standalone(
    study_path: Path | None,
    *,
    panel: Path | None,
    quick: bool,
    jobs: int,
    seed: int,
    dask: str | None = None,
    cache: Cache | None = None,
) -> dict[str, Any]:
    """The values of the section for the command: ``panel`` is the CSV of the categories; no other panel is read."""
    study = load_study(study_path)
    if panel is not None:
        study = study.with_categories(panel)
    if study.categories is None:
        raise InputError(f'the study "{study.name}" has no table [categories]')
    if not study.categories.available:
        raise InputError(f'the categories of the study "{study.name}" are not shipped; give their CSV with --panel')
    context = Context(study, xr.Dataset(), {}, seed=seed, quick=quick)
    finished = run_steps(steps(context), cache or Cache(), jobs=jobs, dask=dask)
    values: dict[str, Any] = collected(context, [SECTION], finished)[NAME]
    return values | {"unit_names": {unit: study.name_of(unit) for unit in study.assignment.units}}


def steps(context: Context) -> list[Step]:
    """A fit for each outcome, and for a file of few years one for each span and set of controls."""
    source = context.study.categories
    if source is None or not source.available:
        return []
    panel = load_categories(source)
    pieces = []
    for outcome in source.outcomes:
        for name, design in _designs(context, source, panel, outcome).items():
            asked = (source.level_to_usd, source.claimed, source.against)
            key = content_key("categories", *design.fingerprint(), context.seed, context.quick, list(map(str, asked)))
            call = partial(
                _fit, design, source.level_to_usd, source.claimed, source.against, context.seed, context.quick
            )
            pieces.append(Step(NAME, (outcome, name), key, call, long=True))
        if not source.spans:
            levels, assignment = panel[[outcome]], context.study.assignment
            content = levels[outcome].to_numpy().tobytes()
            key = content_key("category-levels", outcome, content, assignment.first_treated, context.seed)
            of_levels = partial(category_levels, levels, outcome, assignment, context.seed)
            pieces.append(Step(NAME, (outcome, LEVELS), key, of_levels))
    return pieces


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult | None:
    """{"panel", "outcomes": {name: {"fits", "growth", ...}}, "names", "claims", ...} of the product categories."""
    source = context.study.categories
    if source is None or not results:
        return None
    panel = load_categories(source)
    study = context.study
    outcomes: dict[str, Any] = {}
    for name, outcome in source.outcomes.items():
        fits = {at[1]: result for at, result in results.items() if at[0] == name and at[1] != LEVELS}
        groups = {"treated": study.assignment.treated_units, "controls": study.assignment.never_treated}
        split = min(study.assignment.onsets)
        span = source.spans[0] if source.spans else None
        outcomes[name] = {
            "label": outcome.label,
            "units": outcome.units,
            "level_to_usd": source.level_to_usd,
            "main": next(iter(fits)),
            "fits": fits,
            "levels": results.get((name, LEVELS), []),
            "growth": growth_rows(panel, name, groups, split, span),
            "split": split,
            "differences": bool(source.spans),
            "over_years": not source.spans,
        }
        if truth := panel.attrs.get("truth", {}).get("effect"):
            outcomes[name]["truth"] = truth
    names = {str(code): source.name_of(str(code)) for code in panel[CATEGORY].to_numpy()}
    failed = [
        f"{source.outcomes[outcome].label}, {key}: {beyond_limits(fit['diagnostics'])}"
        for outcome, content in outcomes.items()
        for key, fit in content["fits"].items()
        if not fit["diagnostics"]["trustworthy"]
    ]
    further = {
        "panel": {
            "kind": source.kind_of_rows,
            "label": panel.attrs["label"],
            "units": list(study.assignment.units),
            "periods": [int(period) for period in panel[PERIOD].to_numpy()],
            "rows": int(
                sum(panel[name].sel({UNIT: _ours(panel, study.assignment.units)}).count() for name in outcomes)
            ),
            "sources": panel.attrs["sources"],
        },
        "names": names,
        "note": source.note,
    }
    return SectionResult(outcomes, _claims(outcomes, source), failed_gates=failed, further=further)


def _ours(panel: xr.Dataset, units: tuple[str, ...]) -> list[str]:
    return [unit for unit in units if unit in panel[UNIT]]


def _designs(context: Context, source: CategorySource, panel: xr.Dataset, outcome: str) -> dict[str, CategoryDesign]:
    """The main design first: of the assignment, over all years or over the first span."""
    assignment = context.study.assignment
    if not source.spans:
        return {MAIN: category_panel_design(panel, outcome, assignment)}
    left_out = set(context.study.pool.exclude) - set(assignment.never_treated)
    everyone = [str(unit) for unit in panel[UNIT].to_numpy() if str(unit) not in left_out]
    designs = {}
    for number, span in enumerate(source.spans):
        for key, controls in ((MAIN, list(assignment.never_treated)), (POOL, everyone)):
            wide = key == POOL
            try:
                design = category_difference_design(panel, outcome, assignment, span, controls, complete=wide)
            except InputError:
                if number == 0:
                    raise
                continue  # an early placebo may lack units; the question itself may not
            designs[f"{key} {span[0]}-{span[1]}"] = design
    return designs


def _fit(
    design: CategoryDesign,
    level_to_usd: float | None,
    claimed: tuple[str, ...],
    against: tuple[str, ...],
    seed: int,
    quick: bool,
) -> dict[str, Any]:
    from bri_bayes.estimands.rankings import category_values
    from bri_bayes.inference.categories import sample_categories

    draws = sample_categories(design, seed, quick=quick)
    values = category_values(design, draws, level_to_usd=level_to_usd, claimed=claimed, against=against)
    return dict(json_safe(values))


def _claims(outcomes: Mapping[str, Any], source: CategorySource) -> list[Claim]:
    """The claim of the study on its categories, with the verdict of ``RULE``, for each outcome."""
    claims = []
    for outcome in outcomes.values():
        asked = outcome["fits"][outcome["main"]].get("claimed")
        if not source.claim or not asked:
            continue
        p = asked["gap"]["p_positive"]
        observed = source.kind_of_rows in ("official", "user")
        told = SUPPORTED if p >= SURE else NOT_SUPPORTED if p <= 1 - SURE else CANNOT_BE_TOLD
        numbers = {"p_gained_more": p, "gap": asked["gap"], "p_top_set": asked["p_top_set"]}
        numbers["chance_of_top_set"] = asked["chance"]
        verdict = told if observed else CANNOT_BE_TOLD
        text = f"{outcome['label']}: {source.claim}" if len(outcomes) > 1 else source.claim
        claims.append(Claim(text, outcome["label"], RULE, verdict, numbers, source.kind_of_rows))
    return claims


SECTION = Section(
    name=NAME,
    card=no_single_card,
    title="Product categories",
    steps=steps,
    collect=collect,
    parts=parts,
    tables=TABLES,
)
