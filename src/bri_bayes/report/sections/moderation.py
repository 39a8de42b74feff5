"""Section: does inequality, or another moderator, weaken the effect?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bri_bayes.checks.moderation import (
    MEASURED,
    Moderation,
    measured_values,
    moderated,
    moderation_values,
    possible_versions,
)
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.json_values import json_safe
from bri_bayes.design.analysis import Analysis
from bri_bayes.paper.model_tables import MODERATION_TABLES, table_column, table_columns
from bri_bayes.presentation.gates import beyond_limits
from bri_bayes.presentation.names_shown import in_sentence
from bri_bayes.presentation.page_parts import Paragraph, Part, Picture, Shown
from bri_bayes.presentation.results import Described, SectionResult
from bri_bayes.presentation.study_tables import METHODS, OUTCOME, Values, unit_name
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.moderation_words import NAME, reading, versions_of
from bri_bayes.report.sections.paper import of_paper, paper_parts, paper_steps, paper_table
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step
from bri_bayes.study.variable_roles import standard_error_of


@dataclass(frozen=True)
class ModerationOutcome(Described):
    """One outcome in every version that the panel allows; ``main`` : the one that counts."""

    main: str | None
    versions: Mapping[str, Moderation]


def moderator_of(context: Context) -> str | None:
    """The moderator by name, or the study's first modifier; None when the study has none."""
    asked = context.options.get("moderator")
    study = context.study
    if asked is None:
        return next(iter(study.modifiers), None)
    known = [*study.covariates, *study.modifiers, *study.mediators]
    if asked not in known:
        raise InputError(
            f'the study "{study.name}" has no variable "{asked}" to moderate with; {suggest(asked, known)}'
        )
    return str(asked)


def steps(context: Context) -> list[Step]:
    """A step for each outcome and version, and one for each column of Table 8 where the study examines the paper."""
    moderator = moderator_of(context)
    if moderator is None or context.checked.structure != "linear":
        return []
    error = _standard_error(context, moderator)
    pieces = []
    measured: dict[str, Analysis] = {}
    for outcome in context.study.outcomes:
        analysis = context.analysis(outcome)
        for version in possible_versions(analysis, moderator, error):
            if version == MEASURED:
                measured[outcome] = analysis
                continue
            recipe = moderated(analysis, moderator, version)
            key = content_key(NAME, recipe.digest, analysis.digest, version, moderator, context.seed)
            call = partial(moderation_values, analysis, moderator, version, context.seed)
            pieces.append(Step(NAME, ("version", outcome, version), key, call, Moderation))
    if measured and error and not context.quick:
        # Sampled: one step for all outcomes, whose model is compiled once.
        digests = {name: (moderated(at, moderator, MEASURED).digest, at.digest) for name, at in measured.items()}
        key = content_key(NAME, digests, MEASURED, moderator, context.panel[error].to_numpy().tobytes(), context.seed)
        of_all = partial(measured_values, measured, moderator, error, context.seed)
        pieces.append(Step(NAME, (MEASURED,), key, of_all, dict[str, Moderation], long=True))
    if context.study.audit is True:
        pieces += paper_steps(NAME, context, MODERATION_TABLES, table_columns, table_column)
    return pieces


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """Versions by outcome, the claim with its verdict, and the paper's Table 8 beside ours."""
    moderator = moderator_of(context)
    if moderator is None:
        return SectionResult()
    column = context.study.columns[moderator]
    outcomes: dict[str, ModerationOutcome] = {}
    for name in context.study.outcomes:
        versions = {at[2]: result for at, result in results.items() if at[:2] == ("version", name)}
        if (latent := results.get((MEASURED,), {}).get(name)) is not None:
            versions[MEASURED] = latent
        main = next(iter(versions), None)
        outcomes[name] = ModerationOutcome(**vars(context.described(name)), main=main, versions=versions)
    measured = _standard_error(context, moderator)
    note = "The version with measurement error is sampled, and left out of a quick run."
    failed = [
        f"{NAME}/{name}/{version}: {beyond_limits(result.diagnostics)}"
        for name, content in outcomes.items()
        for version, result in content.versions.items()
        if not result.trustworthy
    ]
    further = {
        "moderator": {"name": moderator, "label": column.label or moderator, "units": column.units},
        "paper": of_paper(results),
        "notes": [note] if context.quick and measured else [],
    }
    claims = judged(context, ("moderation",), json_safe(outcomes), moderator=in_sentence(column.label or moderator))
    return SectionResult(outcomes, claims, failed_gates=failed, further=further)


def _slope_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The slope of the effect by outcome and version, and least squares beside."""
    for name, outcome, _, answer in versions_of(values):
        key = {"outcome": name, "label": outcome["label"], "version": answer["title"]}
        more = {"method": "Bayes", "p_negative": answer["p_negative"]}
        yield {**key, **more, **answer["learned"], **answer["slope"]}
        for line in answer["frequentist"]:
            method = METHODS.get(("twfe", line["inference"]), f"TWFE, {line['inference'].replace('_', ' ')}")
            yield {**line, **key, "method": method, "mean": line["estimate"], "sd": line.get("se")}


def _effect_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The effect at the lowest, middle and highest observed value, and the slope of each country."""
    for name, outcome, _, answer in versions_of(values):
        key = {"outcome": name, "label": outcome["label"], "version": answer["title"]}
        curve = answer["curve"]
        for point in (curve[0], curve[len(curve) // 2], curve[-1]):
            yield {**point, **key, "what": "effect"}
        if len({slope["mean"] for slope in answer["slope_by_unit"].values()}) > 1:
            for unit, slope in answer["slope_by_unit"].items():
                yield {**slope, **key, "what": f"slope, {unit_name(values, unit)}"}


def parts(values: Values) -> list[Part]:
    """Figures, the answers in words by rule, tables, and the paper's Table 8."""
    section = values[NAME]
    if not any(outcome["versions"] for outcome in section["outcomes"].values()):
        return []
    page: list[Part] = [Picture("moderation"), Picture("moderation_slope")]
    page += [Paragraph(text) for text in dict.fromkeys([*reading(values), *section["notes"]])]
    moderator = section["moderator"]["label"]
    page.append(Shown(SLOPES.fill(values).titled(f"The change of the effect with {moderator}, per unit")))
    page.append(Shown(EFFECTS.fill(values), folded=EFFECTS.caption))
    return [*page, *paper_parts(PAPER.fill(values), "Table 8")]


def _standard_error(context: Context, moderator: str) -> str | None:
    known = context.study.modifiers.get(moderator)
    return standard_error_of(moderator) if known is not None and known.standard_error is not None else None


SLOPES = TableSpec(
    "moderation_slopes",
    "The slope of the effect on the moderator, by version and method",
    (
        *OUTCOME,
        Column("version", "moderator", "name"),
        Column("method", "method"),
        *effect_columns("slope", sd="sd or s.e.", digits=4)[:-1],
        Column("p_negative", "P(< 0)", "probability"),
        Column("p_value", "p", "p-value"),
        Column("prior_sd", "prior sd", "number", 4, minor=True),
        Column("contraction", "contraction", "number", 2, minor=True),
    ),
    _slope_rows,
)
EFFECTS = TableSpec(
    "moderation_effects",
    "The effect over the panel's range of the moderator, and the slope of each country",
    (
        *OUTCOME,
        Column("version", "moderator", "name"),
        Column("what", "what"),
        Column("at", "at", "number", 2),
        *effect_columns(digits=3),
    ),
    _effect_rows,
)
PAPER = paper_table(NAME, "Table 8")
SECTION = Section(
    name=NAME,
    title="Inequality: does it weaken the effect?",
    steps=steps,
    collect=collect,
    parts=parts,
    needs="a variable in [modifiers], and a linear card of the checks",
    outcome=ModerationOutcome,
    tables=(SLOPES, EFFECTS, PAPER),
)
