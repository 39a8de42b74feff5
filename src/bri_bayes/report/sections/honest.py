"""Section: what if trends were not parallel? The Bayesian walk of the treated group, and Rambachan & Roth's bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bri_bayes.checks.honest_bounds import HonestBounds, honest_bounds
from bri_bayes.checks.trend_violation import TrendViolation, can_drift, trend_violation
from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.presentation import page_parts as page
from bri_bayes.presentation.results import Described, SectionResult
from bri_bayes.presentation.study_tables import OUTCOME, Values
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns, in_csv
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step
from bri_bayes.study.model_card import ModelCard

NAME = "honest"
# Values of s of the curve.
POINTS, QUICK_POINTS = 13, 7


@dataclass(frozen=True)
class Honest(HonestBounds, TrendViolation):
    """The walk of the treated group, and the bounds or why there are none."""

    bounds_note: str | None = None


@dataclass(frozen=True, kw_only=True)
class HonestOutcome(Honest, Described):
    """One outcome, under the first card that can take a drift."""

    onset: int
    card: str


def steps(context: Context) -> list[Step]:
    """One piece of work an outcome."""
    card, points = _card(context), QUICK_POINTS if context.quick else POINTS
    if card is None:
        return []
    pieces = []
    for outcome in context.study.outcomes:
        analysis = context.analysis(outcome, card)
        key = content_key(NAME, analysis.digest, context.seed, points)
        pieces.append(Step(NAME, (outcome,), key, partial(_work, analysis, context.seed, points), Honest))
    return pieces


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """By outcome, with what the figures need of it."""
    card, onset = _card(context), min(context.study.assignment.onsets)
    outcomes = {
        name: HonestOutcome(**vars(context.described(name)), **vars(results[name,]), onset=onset, card=card.name)
        for name in context.study.outcomes
        if card
    }
    failed = [
        f"honest/{name}: the importance sample at s = {row.s:.3g} is not reliable (k-hat {row.khat:.2f})"
        for name, outcome in outcomes.items()
        for row in outcome.curve
        if row.khat is not None and row.khat >= KHAT_LIMIT
    ]
    note = None if card else "no normal linear card of the study can take a drift of the treated group"
    return SectionResult(outcomes, failed_gates=failed, further={"note": note})


def parts(values: Values) -> list[page.Part]:
    """What the page shows."""
    section = values[NAME]
    if section.get("note"):
        return [page.Paragraph(f"Not computed: {section['note']}.")]
    shown: list[page.Part] = [
        page.Paragraph(
            "So far trends were parallel. Here the treated group may drift away from the others: by a "
            "random walk whose steps have standard deviation s a year (Kwon & Roth 2024), by a trend that bends by at "
            "most M a year, or by steps of at most Mbar times the largest one before the onset (Rambachan & Roth 2023)."
        ),
        page.Picture("honest_walk"),
        page.Picture("honest_bounds"),
        page.Paragraph(
            "The bounds take event-study coefficients as normal with a known covariance. With so few units a "
            "cluster-robust one is singular, so it comes from a model of the errors: AR(1) by restricted maximum "
            "likelihood, and independent errors beside it. The intervals for steps test the moments after the onset by "
            "C-LF, the hybrid of the conditional and the least favourable test (Andrews, Roth & Pakes 2023)."
        ),
        page.Paragraph(" ".join(coverage_sentences(values))),
    ]
    for spec in (BOUNDS, WALK):
        shown.append(page.Shown(spec.fill(values), folded=spec.caption))
    return shown


def coverage_sentences(values: Values) -> list[str]:
    """What the intervals cover when the covariance is estimated, an outcome a sentence."""
    sentences = []
    for result in values[NAME]["outcomes"].values():
        rows = {row["errors"]: row for row in result.get("coverage", [])}
        if "ar1" in rows:
            row, other = rows["ar1"], rows["iid"]
            sentences.append(
                f"{result['label']}: in {row['panels']:,} simulated panels with AR(1) errors (rho {row['rho']:.2f}) "
                "and no violation, intervals with the estimated AR(1) covariance hold the effect in "
                f"{row['smoothness']:.1%} at M = 0 and {row['relative']:.1%} at Mbar = 0, those that assume "
                f"independent errors in {other['smoothness']:.1%} and {other['relative']:.1%} (simulation error "
                f"{row['mc_error']:.1%})."
            )
    return sentences


def _walk_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The ATT at each s, and with s learned."""
    for name, outcome in values[NAME]["outcomes"].items():
        key = {"outcome": name, "label": outcome["label"]}
        learned = outcome["learned"]["step"]["posterior"]
        for row in outcome["curve"]:
            yield {**key, "s": row["s"], "kind": "fixed", **row["att"]}
        yield {**key, "s": learned["median"], "kind": "learned (median)", **outcome["learned"]["att"]}


def _breakdown_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The smallest violation of each kind at which the interval holds zero; empty where it does so from the start."""
    for name, outcome in values[NAME]["outcomes"].items():
        by_errors = {row["errors"]: row for row in outcome.get("bound_breakdown", [])}
        limits = {
            f"{kind}_{errors}": row[kind] for errors, row in by_errors.items() for kind in ("smoothness", "relative")
        }
        walk = {"s": outcome["breakdown"]["s"], "why": outcome["breakdown"]["reason"]}
        yield {"outcome": name, "label": outcome["label"], "sign_90_until": outcome["leans_until"], **walk, **limits}


def _bound_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The interval of the average effect by kind of bound, its size and the errors that are assumed."""
    for name, outcome in values[NAME]["outcomes"].items():
        for kind, title in (("smoothness", "bends by at most M"), ("relative", "steps at most Mbar times")):
            for row in outcome[kind]:
                yield {"outcome": name, "label": outcome["label"], "kind": title, **row}


def _work(analysis: Analysis, seed: int, points: int) -> Honest:
    drift = trend_violation(analysis, seed, points)
    try:
        bounds = honest_bounds(analysis.design, [row.s for row in drift.curve], seed)
    except InputError as error:
        return Honest(**vars(drift), bounds_note=f"no bounds: {error}")
    return Honest(**vars(drift), **vars(bounds))


def _card(context: Context) -> ModelCard | None:
    """The first card that can take a drift."""
    return next((card for card in context.cards.values() if can_drift(card)), None)


BREAKDOWN = TableSpec(
    "honest_breakdown",
    "Where zero comes inside: s of the walk, M of the bend, Mbar of the steps",
    (
        *OUTCOME,
        Column("s", "s", "number", 3),
        Column("why", "or why not"),
        Column("sign_90_until", "sign at 90% until s", "number", 3),
        Column("smoothness_ar1", "M, AR(1)", "number", 3),
        Column("smoothness_iid", "M, independent", "number", 3),
        Column("relative_ar1", "Mbar, AR(1)", "number", 3),
        Column("relative_iid", "Mbar, independent", "number", 3),
    ),
    _breakdown_rows,
)
WALK = TableSpec(
    "honest_walk",
    "The average effect when the treated group drifts by a random walk",
    (*OUTCOME, Column("kind", "s is"), Column("s", "s", "number", 3), *effect_columns(digits=2)),
    _walk_rows,
)
BOUNDS = TableSpec(
    "honest_bounds",
    "Honest intervals of the average effect by bound on the violation of trends",
    (
        *OUTCOME,
        Column("kind", "trends"),
        Column("errors", "errors"),
        Column("bound", "M or Mbar", "number", 3),
        Column("lower", "lower", "number", 2, "effect"),
        Column("upper", "upper", "number", 2, "effect"),
        Column("identified_lower", "identified from", "number", 2, "effect"),
        Column("identified_upper", "identified to", "number", 2, "effect"),
        *in_csv("estimate", "bias", "sd", kind="number"),
    ),
    _bound_rows,
)
SECTION = Section(
    name=NAME,
    card=_card,
    title="Honest DID: what if trends were not parallel?",
    steps=steps,
    collect=collect,
    parts=parts,
    outcome=HonestOutcome,
    tables=(BREAKDOWN, WALK, BOUNDS),
)
