"""Does the answer hang on the model? Cards scored on what they have not seen, with the effect under each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bri_bayes.checks.model_scores import ModelScores, differences, model_scores, scores_of_outcomes
from bri_bayes.checks.model_table import ModelTable, model_table
from bri_bayes.core.json_values import Result
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.comparison import RULE, SMALL_DIFFERENCE, require_same_rows
from bri_bayes.inference.scale_mixture import covers as covers_mixture
from bri_bayes.presentation import sentences
from bri_bayes.presentation.compared_labels import label_and_role
from bri_bayes.presentation.gates import beyond_limits
from bri_bayes.presentation.page_parts import Paragraph, Part, Picture, Shown
from bri_bayes.presentation.results import Described, SectionResult
from bri_bayes.presentation.study_tables import OUTCOME, Values, unit_name
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns, in_csv
from bri_bayes.report.sections.section import Context, Section, no_single_card
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step
from bri_bayes.study.model_card import ModelCard, load_card

NAME = "compare"
# Cards that a brief run compares where fewer than two of its own are in the list.
FEW_CARDS = 3
NOT_QUICK = "it is sampled, and this is a quick run"
DEFINITIONS: Mapping[str, str] = {
    "elpd_loo": "sum over rows of log p(row given all other rows), coefficients integrated in closed form, "
    "hyperparameters by importance points placed for it; PSIS from draws where there is no closed form",
    "loco": "leave one unit out: log density of its movements around its own mean (orthonormal contrasts) given all "
    "other units; the level of a unit that was not seen has a wide prior, whose density would drown the rest",
    "lfo": "leave the future out, one step ahead from the onset on: log density of the contrasts between units in a "
    "period given all earlier periods; the common shock of a new period has a wide prior; the effect of a new period "
    "follows from its random walk",
    "log_marginal": "log density of all rows under the prior; it depends on the wide priors of levels, so that cards "
    "with fixed and with correlated period effects are not to be compared on it",
    "waic": "from the same densities of rows given all others as PSIS",
    "weight": "stacking: the mixture of cards with the best score of left-out rows",
    "verdict": RULE,
}


@dataclass(frozen=True)
class Skipped(Result):
    """A card that was not scored."""

    name: str
    reason: str


@dataclass(frozen=True)
class CompareOutcome(ModelTable, Described):
    """The cards on one outcome with ``rows`` of ``n_units``.

    ``titles`` : of the cards by name; ``roles`` : which of them is shown first, and which the checks refit.
    """

    rows: int
    n_units: int
    onset: int
    titles: Mapping[str, str]
    roles: Mapping[str, str]
    skipped: Sequence[Skipped]


def _steps(context: Context) -> list[Step]:
    steps = []
    sampled: dict[str, dict[str, Analysis]] = {}
    for outcome in context.study.outcomes:
        cards = _cards(context, outcome)
        analyses = {name: context.analysis(outcome, card) for name, card in cards.items()}
        require_same_rows(analyses)
        for name, analysis in analyses.items():
            if not analysis.card.is_marginal and (context.quick or not covers_mixture(analysis.design, analysis.card)):
                sampled.setdefault(name, {})[outcome] = analysis
                continue
            key = content_key("model-scores", analysis.digest, context.seed, context.quick)
            call = partial(model_scores, analysis, context.seed, quick=context.quick)
            steps.append(Step(NAME, (outcome, name), key, call, ModelScores))
    # A card that NUTS samples has one step for all outcomes, whose model is compiled once.
    for name, by_outcome in () if context.quick else sampled.items():
        digests = {outcome: analysis.digest for outcome, analysis in by_outcome.items()}
        key = content_key("scores-of-outcomes", digests, context.seed)
        of_all = partial(scores_of_outcomes, by_outcome, context.seed)
        steps.append(Step(NAME, (name,), key, of_all, dict[str, ModelScores], long=True))
    return steps


def _collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    outcomes: dict[str, CompareOutcome] = {}
    failed = []
    for outcome in context.study.outcomes:
        cards = _cards(context, outcome)
        reference = next(iter(cards.values()))
        scored: dict[str, ModelScores] = {}
        for name in cards:
            scores = results.get((outcome, name)) or results.get((name,), {}).get(outcome)
            if scores is not None:
                scored[name] = scores
        if len(scored) < 2:
            continue
        table = model_table(scored, {name: differences(card, reference) for name, card in cards.items()})
        failed += failures(outcome, table, scored)
        unit_ix = next(iter(scored.values())).unit_ix
        outcomes[outcome] = CompareOutcome(
            **vars(context.described(outcome)),
            **vars(table),
            rows=len(unit_ix),
            n_units=len(set(unit_ix)),
            onset=min(context.study.assignment.onsets),
            titles={name: card.title for name, card in cards.items()},
            roles=_roles(context, cards),
            skipped=[Skipped(name, NOT_QUICK) for name in cards if name not in scored],
        )
    return SectionResult(outcomes, failed_gates=failed, further={"definitions": DEFINITIONS})


def failures(outcome: str, table: ModelTable, scored: Mapping[str, ModelScores]) -> list[str]:
    """Scores that are not to be trusted, and fits: each with what is beyond its limit."""
    unreliable = [
        f"{outcome}/{row.name}: its leave-one-out score is unreliable (k-hat {row.khat_max:.2f})"
        for row in table.models
        if row.verdict == "unreliable"
    ]
    fits = {name: vars(scores) for name, scores in scored.items() if not scores.trustworthy}
    return [*unreliable, *(f"{outcome}/{name}: {beyond_limits(diagnostics)}" for name, diagnostics in fits.items())]


def _cards(context: Context, outcome: str) -> dict[str, ModelCard]:
    """The cards of the comparison that can have this outcome, in the order of the study; in a brief run few of them."""
    loaded = [context.study.adjusted(load_card(name)) for name in context.study.compare.models]
    if context.brief:
        shown = [card for card in loaded if card.name in {context.shown.name, *context.cards}]
        loaded = shown if len(shown) > 1 else loaded[:FEW_CARDS]
    return {card.name: card for card in loaded if card.outcome in (None, outcome)}


def _roles(context: Context, cards: Mapping[str, ModelCard]) -> dict[str, str]:
    """In words, of the card that is shown first and of that of the checks, as far as they are compared."""
    named = {context.shown.name: ["shown first"]}
    named.setdefault(context.checked.name, []).append("of the checks")
    return {name: ", ".join(words) for name, words in named.items() if name in cards}


def _parts(values: Values) -> list[Part]:
    outcomes = (values.get(NAME) or {}).get("outcomes") or {}
    if not outcomes:
        return []
    parts: list[Part] = [
        Paragraph(
            "Each card predicts rows that it was not fitted to. The score is the sum of the log densities of the rows, "
            "each given all others; a difference counts only against its standard error. Rows of one "
            f"{sentences.singular(sentences.unit_noun(values))} hang together, so a second standard error sums within "
            f"{sentences.unit_noun(values)} first, and rests on as few numbers as there are of them: where they "
            f"are few, read both as lower limits, and take a difference below {SMALL_DIFFERENCE:g} as none. Weights "
            "of models that predict alike can be exchanged for one another."
        ),
        Picture("model_scores"),
    ]
    table = SCORES.fill(values)
    for name, outcome in outcomes.items():
        skipped = [f"{row['name']} is left out: {row['reason']}." for row in outcome["skipped"]]
        shown = table.where(outcome=name).select(*_FIRST)
        parts.append(
            Shown(
                shown.titled(
                    f"{outcome['label']}: scores and effects of the models",
                    unit=sentences.effect_unit(outcome),
                    notes=skipped,
                )
            )
        )
    headings = {column.key: column.heading for column in table.columns}
    notes = [f"{headings[key]}: {text}." for key, text in values[NAME]["definitions"].items() if key in headings]
    for name, outcome in outcomes.items():
        shown = (
            table.where(outcome=name).select("label", *_EVERY).titled(f"{outcome['label']}: every score", notes=notes)
        )
        parts.append(Shown(shown, folded=f"Every score: {outcome['label']}"))
    return parts


def _score_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row an outcome and model, the best score first."""
    for name, outcome in ((values.get(NAME) or {}).get("outcomes") or {}).items():
        for row in outcome["models"]:
            totals = {key: row[key]["elpd"] for key in ("psis", "waic", "loco", "lfo")}
            label = label_and_role(values, outcome, row)
            named = {"outcome": name, "of": outcome["label"], "model": row["name"], "label": label}
            yield {**row, **named, **totals, **row["att"]}


def _block_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The score of each unit and each period that was left out."""
    for name, outcome in ((values.get(NAME) or {}).get("outcomes") or {}).items():
        for row in outcome["models"]:
            key = {"outcome": name, "label": outcome["label"], "model": row["name"]}
            for kind in ("loco", "lfo"):
                for block, score in (row[kind].get("by") or {}).items():
                    shown = unit_name(values, block) if kind == "loco" else block
                    yield {**key, "left_out": kind, "name": shown, **score}


_FIRST = (
    *("label", "elpd_diff", "se_diff", "se_diff_units", "weight", "verdict", "mean", "sd", "lower", "upper"),
    "p_positive",
)
_EVERY = ("elpd_loo", "mc_sd", "psis", "khat_max", "waic", "loco", "lfo", "log_marginal", "p_loo")
SCORES = TableSpec(
    "model_comparison",
    "Model comparison: scores of left-out rows, weights, and the effect",
    (
        *in_csv("outcome"),
        Column("of", "outcome", "name"),
        *in_csv("model"),
        Column("label", "model", "name"),
        Column("elpd_diff", "score, against the best", "number", 1),
        Column("se_diff", "s.e.", "number", 1),
        Column("se_diff_units", "s.e. by unit", "number", 1),
        Column("weight", "weight", "probability"),
        Column("verdict", "score is"),
        *effect_columns("effect"),
        Column("elpd_loo", "leave-one-out", "number", 1, minor=True),
        Column("mc_sd", "Monte Carlo s.d.", "number", 2, minor=True),
        Column("psis", "PSIS", "number", 1, minor=True),
        Column("khat_max", "its largest k-hat", "number", 2, minor=True),
        Column("waic", "WAIC", "number", 1, minor=True),
        Column("loco", "leave-unit-out", "number", 1, minor=True),
        Column("lfo", "leave-future-out", "number", 1, minor=True),
        Column("log_marginal", "log marginal", "number", 1, minor=True),
        Column("p_loo", "parameters", "number", 1, minor=True),
        *in_csv("method"),
        *in_csv("se", "pseudo_bma", "pseudo_bma_plus", kind="number"),
    ),
    _score_rows,
)
BLOCKS = TableSpec(
    "model_comparison_left_out",
    "Scores of each unit and period that was left out",
    (
        *OUTCOME,
        Column("model", "model", "name"),
        Column("left_out", "left out"),
        Column("name", "name"),
        Column("elpd", "score", "number", 2),
        Column("contrasts", "contrasts", "count"),
        Column("khat", "k-hat", "number", 2),
    ),
    _block_rows,
)
SECTION = Section(
    name=NAME,
    card=no_single_card,
    title="Model comparison",
    steps=_steps,
    collect=_collect,
    parts=_parts,
    outcome=CompareOutcome,
    tables=(SCORES, BLOCKS),
)
