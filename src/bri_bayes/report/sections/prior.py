"""Section: what does the prior expect, which prior does the answer hang on, and which scales can so few units learn?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bri_bayes.checks.card_prior import CardPrior, SensitivityBothWays, card_prior
from bri_bayes.checks.prior_predictive import PriorPredictive
from bri_bayes.checks.prior_scales import LearnedScale, PriorRefit
from bri_bayes.core.effect import Effect
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.learned import NOT_LEARNED
from bri_bayes.presentation import page_parts as page
from bri_bayes.presentation import sentences
from bri_bayes.presentation.names_shown import card_label
from bri_bayes.presentation.results import Described, SectionResult
from bri_bayes.presentation.study_tables import OUTCOME, Values
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns, in_csv
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step
from bri_bayes.study.card_text import PRIOR_WORDS, SCALE_WORDS
from bri_bayes.study.model_card import ModelCard

NAME = "prior"
# Draws from the prior, and draws of the fit whose reweighting stands beside the exact sensitivities.
DRAWS, QUICK_DRAWS = 4000, 1000
QUANTITIES = {
    "level": "Level, every prior",
    "level_on_path": "Level, country and year effects as in the panel",
    "change_on_path": "Change to the next year, likewise",
    "att": "Average effect",
    "additional_trade": "Additional trade a year",
}


@dataclass(frozen=True, kw_only=True)
class PriorDetails(Described):
    """All that the page shows of an outcome beside the sensitivities of ``card``, the one that is shown first."""

    card: str
    treated: Sequence[str]
    att: Effect
    scales: Sequence[LearnedScale] | None
    refits: Sequence[PriorRefit] | None
    predictive: PriorPredictive | None
    additional_trade_usd: Mapping[str, Effect] | None = None
    by_card: Mapping[str, Sequence[SensitivityBothWays]]


def steps(context: Context) -> list[Step]:
    """One piece of work an outcome and card: that shown first in full, others for their power-scaling."""
    draws = QUICK_DRAWS if context.quick else DRAWS
    pieces = []
    for position, (name, card) in enumerate(_cards(context).items()):
        for outcome in context.study.outcomes:
            analysis = context.analysis(outcome, card)
            full = position == 0
            units = {key: context.panel[outcome].attrs.get(key) for key in ("transform", "level_to_usd")}
            key = content_key(NAME, analysis.digest, units, context.seed, draws, full)
            work = partial(card_prior, analysis, context.seed, draws, full=full)
            pieces.append(Step(NAME, (outcome, name), key, work, CardPrior))
    return pieces


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """``outcomes`` : the sensitivities of the card that is shown first; ``details`` : all else that the page shows."""
    outcomes: dict[str, Sequence[SensitivityBothWays]] = {}
    details: dict[str, PriorDetails] = {}
    failed = []
    names = list(_cards(context))
    for name in context.study.outcomes if names else ():
        by_card: dict[str, CardPrior] = {card: results[name, card] for card in names}
        main = by_card[names[0]]
        outcomes[name] = main.sensitivity
        details[name] = PriorDetails(
            **vars(context.described(name)),
            **{key: value for key, value in vars(main).items() if key not in ("sensitivity", "khats")},
            card=names[0],
            treated=list(context.study.assignment.treated_units),
            by_card={card: answer.sensitivity for card, answer in by_card.items()},
        )
        failed += [
            f"prior/{name}/{card}: the importance sample of {label} is not reliable (k-hat {khat:.2f})"
            for card, answer in by_card.items()
            for label, khat in answer.khats.items()
            if khat is not None and khat >= KHAT_LIMIT
        ]
    note = None if names else "the study has no normal linear card"
    return SectionResult(outcomes, failed_gates=failed, further={"details": details, "note": note})


def parts(values: Values) -> list[page.Part]:
    """What the page shows."""
    section = values[NAME]
    if section.get("note"):
        return [page.Paragraph(f"Not computed: {section['note']}.")]
    return [
        page.Heading("What the prior expects"),
        page.Picture("prior_predictive"),
        page.Shown(PREDICTIVE.fill(values)),
        page.Heading("Which prior the answer hangs on"),
        page.Picture("prior_sensitivity"),
        page.Shown(REFITS.fill(values), folded="Every prior halved and doubled"),
        page.Shown(SENSITIVITY.fill(values), folded="Power-scaling of every card, exact and by reweighting draws"),
        page.Heading("Which scales were learned"),
        page.Picture("prior_scales"),
        *(page.Paragraph(_learned(values, details)) for details in section["details"].values()),
        page.Shown(SCALES.fill(values), folded="Every scale and correlation, before and after the data"),
    ]


def _sensitivity_rows(values: Values) -> Iterator[dict[str, Any]]:
    """Power-scaling sensitivity of the ATT by outcome, card and prior."""
    for name, details in values[NAME]["details"].items():
        for card, sensitivities in details["by_card"].items():
            for row in sensitivities:
                yield {**row, "outcome": name, "label": details["label"], "model": card, "prior_words": _words(row)}


def _refit_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The ATT with each prior scale halved and doubled."""
    for name, details in values[NAME]["details"].items():
        unchanged = {"prior": "as in the card", "factor": 1.0, "att": details["att"], "moved_sd": 0.0}
        for row in (unchanged, *details["refits"]):
            yield {**row, **row["att"], "outcome": name, "label": details["label"], "prior_words": _words(row)}


def _predictive_rows(values: Values) -> Iterator[dict[str, Any]]:
    """Quantiles of what the prior expects, and the observed range."""
    for name, details in values[NAME]["details"].items():
        for quantity, row in details["predictive"]["rows"].items():
            key = {"outcome": name, "label": details["label"], "quantity": QUANTITIES[quantity]}
            yield {**row, **key, "in": _unit(quantity, details["predictive"], details)}


def _scale_rows(values: Values) -> Iterator[dict[str, Any]]:
    """Every scale and correlation: prior and posterior, and whether it was learned."""
    for name, details in values[NAME]["details"].items():
        for row in details["scales"]:
            words = SCALE_WORDS.get(row["name"], row["name"])
            expected = {f"prior_{key}": value for key, value in row["expected"].items()}
            yield {**row, **row["posterior"], **expected, "outcome": name, "label": details["label"], "words": words}


def _words(row: Mapping[str, Any]) -> str:
    return PRIOR_WORDS.get(str(row["prior"]), str(row["prior"]))


def _cards(context: Context) -> dict[str, ModelCard]:
    """The cards in closed form: that whose answer is shown first, and, unless the run is quick, those of the study."""
    from bri_bayes.inference.marginal import is_feasible

    first = next(iter(context.study.outcomes))
    chosen = {
        name: card
        for name, card in {context.shown.name: context.shown, **context.cards}.items()
        if card.is_marginal and is_feasible(context.analysis(first, card).design, card)
    }
    return dict(list(chosen.items())[:1]) if context.quick else chosen


def _learned(values: Values, details: Mapping[str, Any]) -> str:
    """Which scales the treated units cannot learn, in one sentence, each with what it keeps of its prior's sd."""
    named = {row["name"]: row for row in details["scales"] if row["name"] in SCALE_WORDS}
    lost = [
        f"{SCALE_WORDS[name]} ({sentences.probability(row['kept'], words=False)} of its prior's standard deviation is "
        "left)"
        for name, row in named.items()
        if row["verdict"] == NOT_LEARNED
    ]
    units = sentences.counted(len(details["treated"]), sentences.unit_noun(values))
    of_card = f"{details['label']}, {card_label(details['card'], values)}"
    if not lost:
        return f"{of_card}: {units} and their controls learn every scale of the model, by the rule of the figure."
    follows = max((named[name]["follows"] or 0.0) for name in named)
    return (
        f"{of_card}: {units} hardly learn {sentences.listed(lost)}: on its prior's normal score the posterior keeps "
        f"more than 71% of the prior's standard deviation (half of the variance), or follows its scale. When such a "
        f"prior is made twice as wide, the posterior median goes along by a factor of up to {2**follows:.1f}."
    )


def _unit(quantity: str, predictive: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    if quantity in ("att", "change_on_path") and predictive["in_logs"]:
        return "%"
    return "US dollars" if predictive["dollars"] else str(details["units"] or "units of the outcome")


PREDICTIVE = TableSpec(
    "prior_predictive",
    "What the prior expects, and the range in the panel",
    (
        *OUTCOME,
        Column("quantity", "quantity", "name"),
        Column("in", "in"),
        *(Column(key, heading, "amount") for key, heading in zip(
            ("q025", "q25", "q50", "q75", "q975"), ("2.5%", "25%", "50%", "75%", "97.5%"), strict=True)),
        Column("observed_low", "in the panel from", "amount"),
        Column("observed_high", "in the panel to", "amount"),
    ),
    _predictive_rows,
    lambda values: (
        "Before the data. The priors of country and year effects are wide on purpose; where these are held at their "
        "averages, what is left is what the priors of effect and errors expect.",
    ),
)  # fmt: skip
SENSITIVITY = TableSpec(
    "prior_sensitivity",
    "Power-scaling sensitivity of the average effect",
    (
        *OUTCOME,
        Column("model", "model", "name"),
        *in_csv("prior"),
        Column("prior_words", "prior"),
        Column("prior_sensitivity", "exact", "number", 3, "distance"),
        Column("by_importance", "reweighted", "number", 3, "distance", minor=True),
        Column("likelihood_sensitivity", "likelihood", "number", 3, "distance"),
        *in_csv("likelihood_by_importance", kind="number"),
        Column("verdict", "verdict"),
    ),
    _sensitivity_rows,
    lambda values: (
        "Sensitivity: how fast the posterior moves when the prior (the likelihood) is raised to a power, cumulative "
        "Jensen-Shannon distance by powers of two (Kallioinen et al. 2023); above 0.05 it counts. A flat prior is the "
        "same under every power: zero.",
    ),
)
REFITS = TableSpec(
    "prior_refits",
    "The average effect with each prior scale halved and doubled",
    (
        *OUTCOME,
        *in_csv("prior"),
        Column("prior_words", "prior", "name"),
        Column("factor", "scale times", "number", 1),
        *effect_columns(digits=3),
        Column("moved_sd", "moved, posterior sds", "number", 2, "distance"),
        *in_csv("width_ratio", kind="number"),
    ),
    _refit_rows,
)
SCALES = TableSpec(
    "prior_scales",
    "Prior and posterior of each scale, and whether it was learned",
    (
        *OUTCOME,
        *in_csv("name"),
        Column("words", "scale", "name"),
        Column("prior_median", "prior median", "number", 2),
        Column("prior_lower", "prior 2.5%", "number", 2),
        Column("prior_upper", "prior 97.5%", "number", 2),
        Column("median", "posterior median", "number", 2),
        Column("lower", "posterior 2.5%", "number", 2),
        Column("upper", "posterior 97.5%", "number", 2),
        Column("kept", "sd left", "probability"),
        Column("contraction", "contraction", "number", 2, minor=True),
        Column("overlap", "overlap", "number", 2, minor=True),
        Column("follows", "follows", "number", 2, minor=True),
        Column("verdict", "verdict"),
    ),
    _scale_rows,
    lambda values: (
        "Of the card that is shown first. Sd left: the posterior's standard deviation against the prior's, both on the "
        "prior's normal score; above 71% a scale is not learned, above 50% partly. Follows: how far the posterior "
        "median goes along when the prior is made wider, 0 not at all, 1 in full.",
    ),
)
SECTION = Section(
    name=NAME,
    card=lambda context: next(iter(_cards(context).values()), None),
    title="Priors",
    steps=steps,
    collect=collect,
    parts=parts,
    outcome=Sequence[SensitivityBothWays],
    tables=(PREDICTIVE, SENSITIVITY, REFITS, SCALES),
)
