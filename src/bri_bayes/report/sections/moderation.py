"""Section: does inequality, or another moderator, weaken the effect?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from bri_bayes.checks.moderation import (
    MEASURED,
    moderated,
    moderation_values,
    possible_versions,
)
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.paper.model_tables import MODERATION_TABLES, table_column, table_columns
from bri_bayes.presentation.gates import beyond_limits
from bri_bayes.presentation.page_parts import (
    Paragraph,
    Part,
    Picture,
    Shown,
    chance,
    digits_of,
    p_value,
    page_table,
    plain,
    row_name,
)
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.moderation_words import NAME, reading, versions_of
from bri_bayes.report.sections.paper import of_paper, paper_frame, paper_parts, paper_steps
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step
from bri_bayes.study.variable_roles import standard_error_of

_EFFECT = ("mean", "sd", "lower", "upper")


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
    if moderator is None or context.main.structure != "linear":
        return []
    error = _standard_error(context, moderator)
    found = []
    for outcome in context.study.outcomes:
        analysis = context.analysis(outcome)
        for version in possible_versions(analysis, moderator, error):
            if version == MEASURED and context.quick:
                continue
            recipe = moderated(analysis, moderator, version)
            spread = context.panel[error].to_numpy().tobytes() if version == MEASURED and error else b""
            key = content_key(NAME, recipe.digest, analysis.digest, version, moderator, spread, context.seed)
            call = partial(moderation_values, analysis, moderator, version, context.seed, error)
            found.append(Step(NAME, ("version", outcome, version), key, call))
    if context.study.audit:
        found += paper_steps(NAME, context, MODERATION_TABLES, table_columns, table_column)
    return found


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """Versions by outcome, the claim with its verdict, and the paper's Table 8 beside ours."""
    moderator = moderator_of(context)
    if moderator is None:
        return SectionResult()
    column = context.study.columns[moderator]
    outcomes: dict[str, Any] = {}
    for name, outcome in context.study.outcomes.items():
        versions = {at[2]: result for at, result in results.items() if at[:2] == ("version", name)}
        labels = {"label": outcome.label or name, "units": outcome.units, "transform": outcome.transform}
        outcomes[name] = {**labels, "main": next(iter(versions), None), "versions": versions}
    measured = _standard_error(context, moderator)
    note = "The version with measurement error needs NUTS and is left out of a quick run."
    failed = [
        f"{NAME}/{name}/{version}: {beyond_limits(found['diagnostics'])}"
        for name, content in outcomes.items()
        for version, found in content["versions"].items()
        if not found["trustworthy"]
    ]
    further = {
        "moderator": {"name": moderator, "label": column.label or moderator, "units": column.units},
        "paper": of_paper(results),
        "notes": [note] if context.quick and measured else [],
    }
    claims = judged(context, ("moderation",), outcomes, moderator=column.label or moderator)
    return SectionResult(outcomes, claims, failed_gates=failed, further=further)


def slopes(values: Values) -> pd.DataFrame:
    """The slope of the effect by outcome and version, and least squares beside."""
    rows = []
    for name, outcome, _, found in versions_of(values):
        learned = found["learned"]
        row = {"outcome": name, "label": outcome["label"], "version": found["title"], "method": "Bayes"}
        row |= {key: found["slope"][key] for key in _EFFECT} | {"p_negative": found["p_negative"]}
        rows.append(row | {"prior_sd": learned["prior_sd"], "contraction": learned["contraction"]})
        for line in found["frequentist"]:
            method = f"TWFE, {line['inference'].replace('_', ' ')}"
            row = {"outcome": name, "label": outcome["label"], "version": found["title"], "method": method}
            row |= {
                "mean": line["estimate"],
                "sd": line.get("se"),
                "lower": line.get("lower"),
                "upper": line.get("upper"),
            }
            rows.append(row | {"p_value": line.get("p_value")})
    numbers = [*_EFFECT, "p_negative", "p_value", "prior_sd", "contraction"]
    frame = pd.DataFrame(rows, columns=["outcome", "label", "version", "method", *numbers])
    return frame.astype(dict.fromkeys(numbers, float)).assign(panel=values["panel"]["kind"])


def effects(values: Values) -> pd.DataFrame:
    """The effect at the lowest, middle and highest observed value, and the slope of each country."""
    rows = []
    for name, outcome, _, found in versions_of(values):
        key = {"outcome": name, "label": outcome["label"], "version": found["title"]}
        curve = found["curve"]
        for point in (curve[0], curve[len(curve) // 2], curve[-1]):
            rows.append(key | {"what": "effect", "at": point["at"]} | {n: point[n] for n in (*_EFFECT, "p_positive")})
        if len({slope["mean"] for slope in found["slope_by_unit"].values()}) > 1:
            for unit, slope in found["slope_by_unit"].items():
                rows.append(key | {"what": f"slope, {unit}"} | {n: slope[n] for n in (*_EFFECT, "p_positive")})
    numbers = ["at", *_EFFECT, "p_positive"]
    frame = pd.DataFrame(rows, columns=["outcome", "label", "version", "what", *numbers])
    return frame.astype(dict.fromkeys(numbers, float)).assign(panel=values["panel"]["kind"])


def parts(values: Values) -> list[Part]:
    """Figures, the answers in words by rule, tables, and the paper's Table 8."""
    own = values[NAME]
    if not any(outcome["versions"] for outcome in own["outcomes"].values()):
        return []
    found: list[Part] = [Picture("moderation"), Picture("moderation_slope")]
    found += [Paragraph(text) for text in dict.fromkeys([*reading(values), *own["notes"]])]
    show = {
        "label": ("Outcome", row_name),
        "version": ("Moderator", plain),
        "method": ("Method", plain),
        "mean": ("Slope", digits_of(4)),
        "sd": ("sd or s.e.", digits_of(4)),
        "lower": ("Lower", digits_of(4)),
        "upper": ("Upper", digits_of(4)),
        "p_negative": ("P(< 0)", chance),
        "p_value": ("p", _p_or_dash),
        "prior_sd": ("Prior sd", digits_of(4)),
        "contraction": ("Contraction", digits_of(2)),
    }
    caption = f"The change of the effect with {own['moderator']['label']}, per unit"
    found.append(Shown(page_table(slopes(values), caption, show)))
    show_effects = {
        "label": ("Outcome", row_name),
        "version": ("Moderator", plain),
        "what": ("", plain),
        "at": ("At", digits_of(2)),
        "mean": ("Mean", digits_of(3)),
        "lower": ("Lower", digits_of(3)),
        "upper": ("Upper", digits_of(3)),
        "p_positive": ("P(> 0)", chance),
    }
    table = page_table(
        effects(values), "The effect over the observed range, and the slope of each country", show_effects
    )
    found.append(Shown(table, folded="The effect over the observed range, and the slope of each country"))
    return [*found, *paper_parts(own["paper"], "Table 8")]


def _standard_error(context: Context, moderator: str) -> str | None:
    known = context.study.modifiers.get(moderator)
    return standard_error_of(moderator) if known is not None and known.standard_error is not None else None


def _p_or_dash(value: Any) -> Any:
    return plain("–") if pd.isna(value) else p_value(value)


SECTION = Section(
    name=NAME,
    title="Inequality: does it weaken the effect?",
    steps=steps,
    collect=collect,
    parts=parts,
    tables={
        "moderation_slopes": ("The slope of the effect on the moderator, by version and method", slopes),
        "moderation_effects": ("The effect over the observed range of the moderator, and country slopes", effects),
        "moderation_paper": (
            "Table 8 printed, reproduced by least squares on the reconstruction, and its posterior",
            lambda values: paper_frame(values, values[NAME].get("paper", [])),
        ),
    },
)
