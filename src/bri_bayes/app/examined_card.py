"""Which model does a section examine, and does the study's answer come from it? A sentence with the effects of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from bri_bayes.app.study_outline import named
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.first_answer import average_effect
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.marginal import is_feasible
from bri_bayes.presentation import sentences
from bri_bayes.presentation.digits import digits_of
from bri_bayes.presentation.names_shown import card_label
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Finished, Parts, Step
from bri_bayes.study.model_card import ModelCard

OWNER = "effect"


@dataclass(frozen=True)
class CardEffect(Result):
    """The average effect under a card; None where its weights cannot be trusted."""

    effect: Effect | None


def answer_first(context: Context) -> dict[str, ModelCard]:
    """The cards of the main answer: that which is shown first, then those of the study, whose first the checks take."""
    return {context.shown.name: context.shown, **context.cards}


def effect_steps(context: Context, section: Section) -> list[Step]:
    """The average effect of each outcome under both cards, where the closed form has it."""
    steps = []
    for card in _both(context, section):
        for outcome in context.study.outcomes:
            analysis = context.analysis(outcome, card)
            if card.outcome in (None, outcome) and is_feasible(analysis.design, card):
                key = content_key("examined-effect", analysis.digest, context.seed)
                call = partial(_effect, analysis, context.seed)
                steps.append(Step(OWNER, (card.name, outcome), key, call, CardEffect))
    return steps


def examined(context: Context, section: Section, finished: Finished) -> str:
    """The first sentence of a section that is asked for alone; "" where it is of no one card."""
    cards = _both(context, section)
    if not cards:
        return ""
    values = named(context.study, context.cards)
    effects = finished.of(OWNER)
    shown = [f"{card_label(card.name, values)}{_effects(context, effects, card.name)}" for card in cards]
    if len(cards) == 1:
        return f"This examines the model of the study's answer, {shown[0]}."
    return f"This examines {shown[0]}. The study's answer comes from another model, {shown[1]}."


def _both(context: Context, section: Section) -> list[ModelCard]:
    """The card of the section and that of the answer, once if they are the same."""
    card = section.card(context)
    if card is None:
        return []
    answer = next(iter(answer_first(context).values()))
    return [card] if card.digest == answer.digest else [card, answer]


def _effect(analysis: Analysis, seed: int) -> CardEffect:
    effect, khat = average_effect(analysis.design, analysis.card, seed)
    return CardEffect(effect if khat < KHAT_LIMIT else None)


def _effects(context: Context, known: Mapping[Parts, CardEffect], card: str) -> str:
    """The effects of a card in brackets; "" where no outcome has one."""
    told = []
    for name, column in context.study.outcomes.items():
        answer = known.get((card, name))
        if answer is not None and answer.effect is not None:
            effect = answer.effect
            digits = digits_of(effect.lower, effect.upper, column.transform)
            within = sentences.interval(effect.lower, effect.upper, digits)
            told.append(f"{column.label or name} {sentences.signed(effect.mean, digits)}, {within}")
    return f" (average effect and 95% interval: {'; '.join(told)})" if told else ""
