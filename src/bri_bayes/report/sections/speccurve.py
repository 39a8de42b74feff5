"""Which answers would other reasonable choices have given? The specification curve, its median, and what moves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, get_args

from bri_bayes.checks.control_sets import MOST_CONTROLS
from bri_bayes.checks.curve import (
    MedianPermutation,
    median_permutation,
    no_permutation,
    shares_of_variance,
)
from bri_bayes.checks.curve_summary import CurveOutcome, CurvePoint, summary_of
from bri_bayes.checks.specifications import (
    CHOICES,
    FittedSpecification,
    LeftOut,
    Specification,
    fit_specifications,
    specifications,
)
from bri_bayes.core.names import PERIOD, UNIT, ErrorStructure
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.design import build_design
from bri_bayes.presentation.control_sentences import CHOICE_NAMES
from bri_bayes.presentation.page_parts import Paragraph, Part, Picture, Shown
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import OUTCOME, Values
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns, in_csv
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

NAME = "speccurve"
# A fit that does not pass its diagnostics is no point of the curve; more than this share of them fails the command.
UNRELIABLE, MOST_UNRELIABLE = "its computation does not pass the diagnostics", 0.02
# A multiple of the rules of imputation: combinations that differ in nothing else are fitted in one step, once.
_CHUNK = 96


def steps(context: Context) -> list[Step]:
    """Fits in pieces and the permutation of the median, for each outcome."""
    pieces = []
    for outcome in context.study.outcomes:
        analysis, covariates = context.analysis(outcome), tuple(context.study.covariates)
        chosen = _chosen(context, analysis, covariates)
        if not chosen:
            continue
        content = _content(analysis, covariates)
        for first in range(0, len(chosen), _CHUNK):
            piece = chosen[first : first + _CHUNK]
            key = content_key(
                "specifications", *content, [repr(specification) for specification in piece], context.seed
            )
            place = (outcome, "fits", str(first // _CHUNK + 1))
            call = partial(fit_specifications, analysis, covariates, piece, context.seed)
            pieces.append(Step(NAME, place, key, call, list[FittedSpecification | LeftOut]))
        if no_permutation(analysis.assignment):
            continue
        key = content_key("median-permutation", *content)
        pieces.append(
            Step(NAME, (outcome, "median"), key, partial(median_permutation, analysis, covariates), MedianPermutation)
        )
    return pieces


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """By outcome: specifications, left_out, summary, shares, permutation."""
    outcomes, failed = {}, []
    for name, outcome in context.study.outcomes.items():
        analysis = context.analysis(name)
        records = [record for at, piece in results.items() if at[:2] == (name, "fits") for record in piece]
        fitted = [record for record in records if isinstance(record, FittedSpecification)]
        points = [record for record in fitted if record.trustworthy]
        failing = [LeftOut(record.choices, UNRELIABLE) for record in fitted if not record.trustworthy]
        outcomes[name] = CurveOutcome(
            label=outcome.label or name,
            covariates=list(context.study.covariates),
            left_out=[*(record for record in records if isinstance(record, LeftOut)), *failing],
            **(_curve(analysis, points, results.get((name, "median"))) if points else _no_curve(analysis)),
        )
        if points and len(failing) > MOST_UNRELIABLE * len(fitted):
            failed.append(f"{NAME}/{name}: {len(failing)} of {len(fitted)} fits do not pass")
    names = {unit: context.study.name_of(unit) for unit in context.study.assignment.units}
    return SectionResult(outcomes, failed_gates=failed, further={"unit_names": names})


def parts(values: Values) -> list[Part]:
    """The page of the section."""
    first = next(iter(values[NAME]["outcomes"].values()))
    if not first["specifications"]:
        return [Paragraph(f"No curve: {first['refused']}.")]
    labels = values.get("study", {}).get("labels") or {}
    named = ", ".join(str(labels.get(name, name)) for name in first["covariates"])
    covariates = f"none or all covariates of the study ({named})" if named else "no covariates"
    shown: list[Part] = [
        Paragraph(
            f"Every combination of a set of controls, fixed or correlated period effects, the errors, {covariates}, "
            "the onset from one year earlier to two later, and the rules by which the paper fills missing cells, is "
            "fitted with the card of the checks. Combinations differ in their rows: the table counts them and every "
            "filled cell."
        ),
        Picture("spec_curve"),
        *map(Shown, SHARES.fill(values).by_outcome()),
    ]
    for outcome in values[NAME]["outcomes"].values():
        if outcome["left_out"]:
            reasons = sorted({record["left_out"] for record in outcome["left_out"]})
            shown.append(Paragraph(f"{outcome['label']}: {len(outcome['left_out'])} left out: {'; '.join(reasons)}."))
    return shown


def _specification_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row for each specification, sorted by its mean within an outcome."""
    for name, outcome in values[NAME]["outcomes"].items():
        for record in sorted(outcome["specifications"], key=lambda record: record["att"]["mean"]):
            yield {"outcome": name, "label": outcome["label"], **record, **record["att"]}


def _share_rows(values: Values) -> Iterator[dict[str, Any]]:
    """What each choice explains, and each pair beyond its two."""
    for name, outcome in values[NAME]["outcomes"].items():
        key = {"outcome": name, "label": outcome["label"]}
        shares = outcome.get("shares") or {"shares": [], "pairs": []}
        for row in (*shares["shares"], *shares["pairs"]):
            choices = [row["choice"]] if "choice" in row else row["choices"]
            yield {**key, **row, "choice": " with ".join(CHOICE_NAMES[choice] for choice in choices)}


def _summary_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The curve of each outcome in one row."""
    for name, outcome in values[NAME]["outcomes"].items():
        if outcome["specifications"]:
            yield {"outcome": name, "label": outcome["label"], **outcome["permutation"], **outcome["summary"]}


def _chosen(context: Context, analysis: Analysis, covariates: Sequence[str]) -> list[Specification]:
    if _refusal(analysis):
        return []
    every = specifications(analysis, covariates)
    if not context.quick:
        return every
    whole = len(analysis.assignment.never_treated)
    serial = get_args(ErrorStructure)[:2]
    return [
        specification
        for specification in every
        if specification.period == "fixed"
        and specification.errors in serial
        and len(specification.controls) >= max(whole - 1, 1)
    ]


def _refusal(analysis: Analysis) -> str | None:
    """Why there is no curve; None where there is one."""
    controls = len(analysis.assignment.never_treated)
    if controls > MOST_CONTROLS:
        return f"{controls} controls have {2**controls - 1} sets, too many for a curve"
    if not analysis.card.is_marginal:
        return (
            f'the card of the checks ("{analysis.card.name}") has no closed form, and so many sampled fits take hours'
        )
    return None


def _content(analysis: Analysis, covariates: Sequence[str]) -> list[Any]:
    """Everything that the curve depends on, for its cache key: no design is built for that."""
    panel = analysis.panel[[str(analysis.card.outcome), *covariates]]
    arrays = [panel[name].transpose(UNIT, PERIOD).to_numpy().astype(float).tobytes() for name in panel.data_vars]
    labels = [[str(unit) for unit in panel[UNIT].to_numpy()], panel[PERIOD].to_numpy().tolist(), list(covariates)]
    return [*arrays, labels, dict(analysis.assignment.first_treated), analysis.card.digest]


def _curve(
    analysis: Analysis, fits: Sequence[FittedSpecification], permutation: MedianPermutation | None
) -> dict[str, Any]:
    means = [fit.att.mean for fit in fits]
    return {
        "specifications": [CurvePoint.of_fit(fit) for fit in fits],
        "summary": summary_of(fits),
        "shares": shares_of_variance([vars(fit.choices) for fit in fits], means),
        "permutation": permutation or {"refused": no_permutation(analysis.assignment)},
        "main": _main_choices(analysis),
    }


def _no_curve(analysis: Analysis) -> dict[str, Any]:
    return {"specifications": [], "refused": _refusal(analysis) or "no combination has rows"}


def _main_choices(analysis: Analysis) -> dict[str, str | int]:
    """The choices of the card of the checks, where the curve has them."""
    card = analysis.card
    design = build_design(analysis.panel, analysis.assignment, card)
    return {
        "controls": "+".join(analysis.assignment.never_treated),
        "period": card.effects.period,
        "errors": card.errors.structure,
        "covariates": "all of the study" if card.covariates else "none",
        "onset": min(analysis.assignment.onsets),
        "imputation": "none",
        "rows": design.sizes["obs"],
    }


SUMMARY = TableSpec(
    "spec_curve_summary",
    "The specification curve in one row an outcome",
    (
        *OUTCOME,
        Column("n", "estimates", "count"),
        Column("median", "median", "number", 3, "effect"),
        Column("q25", "25%", "number", 3, "effect"),
        Column("q75", "75%", "number", 3, "effect"),
        Column("lowest", "lowest", "number", 3, "effect"),
        Column("highest", "highest", "number", 3, "effect"),
        Column("above", "above zero", "count"),
        Column("below", "below zero", "count"),
        *in_csv("positive", "rows_least", "rows_most", kind="count"),
        Column("p_value", "permutation p", "p-value"),
        *in_csv("larger", "n_groups", kind="count"),
    ),
    _summary_rows,
)
SHARES = TableSpec(
    "spec_curve_shares",
    "Which choice explains how much of the variance over the curve",
    (
        *OUTCOME,
        Column("choice", "choice", "name"),
        Column("levels", "levels", "count", minor=True),
        Column("share", "share of variance", "probability"),
    ),
    _share_rows,
    lambda values: ("A pair of choices: what it explains beyond the two side by side.",),
)
SPECIFICATIONS = TableSpec(
    "spec_curve",
    "Every specification: posterior mean, sd and 95% interval",
    (
        *OUTCOME,
        *(Column(choice, CHOICE_NAMES[choice], kind="year" if choice == "onset" else "text") for choice in CHOICES),
        *effect_columns(digits=3),
        Column("rows", "rows", "count", minor=True),
        Column("units", "units", "count", minor=True),
        Column("periods", "periods", "count", minor=True),
        Column("filled", "filled", "count", minor=True),
    ),
    _specification_rows,
)
SECTION = Section(
    name=NAME,
    title="The specification curve",
    steps=steps,
    collect=collect,
    parts=parts,
    outcome=CurveOutcome,
    tables=(SUMMARY, SHARES, SPECIFICATIONS),
)
