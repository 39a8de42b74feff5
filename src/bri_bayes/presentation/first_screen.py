"""What stands on the first screen? The claim and our answer an outcome, how sure it is, what would change it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.presentation import sentences
from bri_bayes.presentation.digits import ends_of, mean_of
from bri_bayes.presentation.names_shown import card_label, in_sentence, in_words
from bri_bayes.presentation.policy_name import policy_of
from bri_bayes.presentation.said_together import merged_sources, of_all_or_each
from bri_bayes.presentation.study_tables import (
    Values,
    common_onset,
    largest_lead,
    last_in_dollars,
    main_model,
    treated_since,
    unit_name,
)

# A card is far behind the best by elpd when the difference is above so many of its standard errors.
FAR_BEHIND = 2.0
# As many units are named in the question; of more it counts.
NAMED = 12


@dataclass(frozen=True)
class Line:
    """A line under an answer, with the question that it answers in a word or two."""

    heading: str
    text: str


def question(values: Values) -> str:
    """What the study asks: the policy, the outcomes, the treated and whom they are compared with."""
    outcomes = {name: outcome for name, outcome in values["outcomes"].items() if main_model(outcome)}
    if not outcomes:
        return ""
    first = next(iter(outcomes.values()))
    treated = list(first["treated"])
    others = [unit for unit in values["panel"]["units"] if unit not in treated]
    onset, noun = common_onset(first), sentences.unit_noun(values)
    since = f" since {onset}" if onset is not None else ""
    labels = [str(outcome["label"]) for outcome in outcomes.values()]
    text = (
        f"Has {policy_of(values)} changed {sentences.listed(in_sentence(label) for label in labels)}? "
        f"{sentences.counted(len(treated), noun).capitalize()} with it{since}"
    )
    if len(treated) <= NAMED or onset is None:
        text += f" ({treated_since(values, first, NAMED)})"
    if not others:
        return f"{text}."
    named = f" ({', '.join(unit_name(values, unit) for unit in others)})" if len(others) <= NAMED else ""
    verb, rest = "is" if len(treated) == 1 else "are", "one other" if len(others) == 1 else f"{len(others)} others"
    return f"{text} {verb} compared with {rest}{named}{_joined_later(values, len(others))}."


def _joined_later(values: Values, n_others: int) -> str:
    """How many of the controls came under the policy later, where the study says so."""
    for outcome in (values.get("controls") or {}).get("outcomes", {}).values():
        if since := (outcome.get("contamination") or {}).get("since"):
            which = "which" if len(since) == n_others else f"of which {len(since)}"
            return f", {which} joined in {min(since.values())} or later"
    return ""


def answer_line(values: Values, name: str) -> str:
    """The claim, our effect and what the one says of the other, in percent where the outcome is in logs."""
    outcome = values["outcomes"][name]
    model, digits = main_model(outcome), sentences.decimals(outcome)
    att, percent, published = model["att"], model.get("percent"), outcome.get("published")
    if percent:
        low, high = ends_of(percent["lower"], percent["upper"], 0, signs=True)
        ours = f"{_percent(percent['mean'])} (95% interval {low}% to {high}%)"
    else:
        within = sentences.interval(att["lower"], att["upper"], digits)
        ours = f"{mean_of(att, digits)} (95% interval {within}, {sentences.effect_unit(outcome)})"
    if not published:
        return f"Our estimate is {ours}: the effect {sentences.claim_of(att)}."
    claim = published["estimate"]
    theirs = _percent(100 * math.expm1(claim)) if percent else sentences.signed(claim, digits)
    return f"The published estimate is {theirs}; ours is {ours}. {_against(att, claim)}"


def first_screen(values: Values, name: str) -> list[Line]:
    """The lines of one outcome; those that a study has no numbers for are left out."""
    outcome = values["outcomes"][name]
    first = outcome.get("first") or {}
    chance = sentences.probability(main_model(outcome)["att"]["p_positive"])
    lines = [
        Line("How sure", f"The probability of an effect above zero is {chance}."),
        Line("In dollars", _dollars(values, outcome)),
        Line("Power", _power(first, main_model(outcome))),
        Line("Checks", _checks(first)),
        Line(
            "What would change it",
            " ".join(filter(None, (_beside(outcome), _controls(values, name), _behind(values, name)))),
        ),
    ]
    return [Line(line.heading, in_words(values, line.text)) for line in lines if line.text]


def for_all_outcomes(values: Values) -> list[str]:
    """What the answers rest on together, each sentence once."""
    outcomes = [outcome for outcome in values["outcomes"].values() if main_model(outcome)]
    firsts = [outcome["first"] for outcome in outcomes if outcome.get("first")]
    said = caveats(values)
    said += [
        f"Power is a share of {first['power']['panels']} panels that the model's posterior makes, shocks drawn anew."
        for first in firsts
        if first.get("power")
    ]
    said += [f"The answers rest on {card_label(first['card'], values)}: {first['assumption']}." for first in firsts]
    compared = (values.get("compare") or {}).get("outcomes", {}).values()
    checked = {
        name for outcome in compared for name, role in outcome.get("roles", {}).items() if role == "of the checks"
    }
    said += [
        f"The sections below examine {card_label(name, values)} where they name no other model." for name in checked
    ]
    return list(dict.fromkeys(said))


def caveats(values: Values) -> list[str]:
    """What whoever quotes the answers must know: the data, what separates the assumptions, what is not said."""
    outcomes = [outcome for outcome in values["outcomes"].values() if main_model(outcome)]
    said = _of_what(values)
    said += of_all_or_each(
        [(outcome["label"], (outcome.get("first") or {}).get("separates", [])) for outcome in outcomes]
    )
    said += _before_the_onset(values)
    if not all(sentences.excludes_zero(main_model(outcome)["att"]) for outcome in outcomes):
        said.append("An interval that holds zero does not say that there was no effect.")
    return list(dict.fromkeys(said))


def _before_the_onset(values: Values) -> list[str]:
    """A check of the years before the onset that has failed: a trend, or leads that are jointly more than chance."""
    texts = []
    for outcome in (values.get("pretrends") or {}).get("outcomes", {}).values():
        if not (check := outcome.get("pretrend")):
            continue
        slope, largest, p_value = check["slope"], largest_lead(check), check["joint"]["p_permutation"]
        if check["passed"] is False:
            texts.append(
                f"{outcome['label']}: before the onset the treated already moved apart, by "
                f"{sentences.signed(slope['mean'], 3)} a year "
                f"({sentences.interval(slope['lower'], slope['upper'], 3)}): the effect may be this trend going on."
            )
        elif p_value <= SIGNIFICANCE:
            texts.append(
                f"{outcome['label']}: before the onset the treated already stood apart, most by "
                f"{sentences.signed(largest['mean'], 2)} in {largest['period']} (all years together: p = "
                f"{sentences.number(p_value, 3)}): the effect may be such a year, or what came of it."
            )
    return texts


def _of_what(values: Values) -> list[str]:
    """Which data our numbers and the published ones are of."""
    published = [outcome["published"]["source"] for outcome in values["outcomes"].values() if outcome.get("published")]
    panel = values["panel"]
    if not published or not panel.get("label"):
        return []
    ours = str(panel["label"]).rstrip(".")
    return [
        f"Our data: {ours}, {panel['periods'][0]} to {panel['periods'][-1]}; the published estimates are of "
        f"{'; '.join(merged_sources(published))}. Where goods or years differ, they are not the same quantity."
    ]


def _percent(value: float) -> str:
    text = sentences.signed(value, 0)
    return f"{text}%"


def _against(att: Mapping[str, float], claim: float) -> str:
    """What the interval says of a claim of this size."""
    holds_claim, zero_out = att["lower"] <= claim <= att["upper"], sentences.excludes_zero(att)
    if not holds_claim:
        return "The claim lies outside our interval."
    return (
        "The claim lies in our interval, zero does not." if zero_out else "The claim is neither confirmed nor refuted."
    )


def _beside(outcome: Values) -> str:
    """The answer under independence, where another was shown first."""
    other = outcome["models"].get("did")
    if not outcome.get("first") or outcome["main"] == "did" or not other:
        return ""
    att, digits = other["att"], sentences.decimals(outcome)
    within = sentences.interval(att["lower"], att["upper"], digits)
    return f"Were the errors of units independent, it would be {sentences.signed(att['mean'], digits)} ({within})."


def _controls(values: Values, name: str) -> str:
    """How far the choice of controls moves the answer of the card of the checks, and a part of the effect in them."""
    section = values.get("controls") or {}
    checked = section.get("outcomes", {}).get(name) or {}
    card = card_label(section["card"], values) if "card" in section else "the model of the checks"
    digits, texts = sentences.decimals(values["outcomes"][name]), []
    if len(sets := [record["att"]["mean"] for record in checked.get("subsets") or []]) > 1:
        low, high = (sentences.signed(end, digits) for end in (min(sets), max(sets)))
        texts.append(f"Over {len(sets)} sets of controls the answer of {card} runs from {low} to {high}.")
        texts += _one_less(values, checked, digits)
    if whole := [record["att"]["mean"] for record in checked.get("contaminated") or [] if record["share"] == 1]:
        full = sentences.signed(whole[0], digits)
        texts.append(f"If the controls had the whole effect once they joined, it would be {full}.")
    return " ".join(texts)


def _one_less(values: Values, checked: Mapping[str, Any], digits: int) -> list[str]:
    """A sentence for each unit without which the interval says another thing of zero."""
    if not checked.get("main"):
        return []
    told = sentences.excludes_zero(checked["main"]["att"])
    said = "holds" if told else "excludes"
    return [
        f"Without {unit_name(values, record['without'])} that answer would be "
        f"{sentences.signed(record['att']['mean'], digits)} "
        f"({sentences.interval(record['att']['lower'], record['att']['upper'], digits)}): its interval {said} zero."
        for record in checked.get("leave_one_out") or []
        if sentences.excludes_zero(record["att"]) != told
    ]


def _checks(first: Values) -> str:
    if first.get("checked") is None:
        return ""
    if not first["failed"]:
        return f"The model passes its {first['checked']} predictive checks."
    named = sentences.listed(f"{row['statistic']} (p {row['p_value']:.3f})" for row in first["failed"])
    return (
        f"The model does not pass {len(first['failed'])} of its {first['checked']} predictive checks, so read its "
        f"interval with care: {named}."
    )


def _behind(values: Values, name: str) -> str:
    """The stacked effect, where the card shown first, or that of the checks, predicts far worse than the best."""
    compared = (values.get("compare") or {}).get("outcomes", {}).get(name) or {}
    rows: dict[str, dict[str, Any]] = {row["name"]: row for row in compared.get("models", [])}
    card = next((card for card in (values["outcomes"][name]["main"], "did") if card in rows), None)
    if card is None or not compared.get("stacked"):
        return ""
    gap, error = rows[card].get("elpd_diff"), rows[card].get("se_diff")
    if gap is None or not error or abs(gap) <= FAR_BEHIND * error:
        return ""
    att, digits = compared["stacked"]["att"], sentences.decimals(values["outcomes"][name])
    best = card_label(compared["best"], values)
    return (
        f"Another model ({best}) predicts better than this one ({card_label(card, values)}), by {abs(gap):.1f} of log "
        f"predictive density (elpd, s.e. {error:.1f}); averaged over all models by stacking the effect is "
        f"{sentences.signed(att['mean'], digits)} "
        f"({sentences.interval(att['lower'], att['upper'], digits)})."
    )


def _dollars(values: Values, outcome: Values) -> str:
    """The additional trade of the last year."""
    if (told := last_in_dollars(main_model(outcome))) is None:
        return ""
    last, effect = told
    low, high = (sentences.dollars(effect[end]) for end in ("lower", "upper"))
    summed = f"summed over the treated {sentences.unit_noun(values)}"
    return f"The additional trade of {last} lies between {low} and {high} (95% interval), {summed}."


def _power(first: Values, model: Values) -> str:
    power = first.get("power")
    if not power:
        return ""
    share = sentences.probability(power["power"], words=False)
    size = sentences.probability(power["size"], words=False)
    claimed = f"{power['effect']:g}"
    if model.get("percent"):
        claimed = f"{_percent(100 * math.expm1(power['effect']))} ({claimed})"
    silent = power["power"] < 0.5 and not sentences.excludes_zero(model["att"])
    little = " That none is shown here says little." if silent else ""
    return (
        f"If the effect were of the claimed size, {claimed}, {share} of panels like this one would show it; "
        f"with no effect, {size} would show one.{little}"
    )
