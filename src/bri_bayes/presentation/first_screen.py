"""What stands under the first answer? The assumption that separates it from others, its checks, its power."""

from __future__ import annotations

from typing import Any

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import Values

# A card is far behind the best by elpd when the difference is above so many of its standard errors.
FAR_BEHIND = 2.0


def first_screen(values: Values, name: str) -> list[str]:
    """The sentences of one outcome; none where the study has no such part."""
    outcome = values["outcomes"][name]
    first = outcome.get("first")
    if not first:
        return []
    told = [f"It rests on the card {first['card']} ({first['assumption']}).", *first["separates"]]
    told += [_beside(outcome), _checks(first), _behind(values, name), _power(outcome, first)]
    return [text for text in told if text]


def _beside(outcome: Values) -> str:
    """The answer under independence, where another was shown first."""
    other = outcome["models"].get("did")
    if outcome["main"] == "did" or not other:
        return ""
    att, digits = other["att"], sentences.decimals(outcome)
    within = sentences.interval(att["lower"], att["upper"], digits)
    return (
        f"Were the errors of units independent (did), it would be {sentences.signed(att['mean'], digits)} ({within})."
    )


def _checks(first: Values) -> str:
    if first["checked"] is None:
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
    return (
        f"The card {card} predicts worse than the best card that was compared, {compared['best']}, by {abs(gap):.1f} "
        f"of elpd (s.e. {error:.1f}); averaged over cards by stacking the effect is "
        f"{sentences.signed(att['mean'], digits)} ({sentences.interval(att['lower'], att['upper'], digits)})."
    )


def _power(outcome: Values, first: Values) -> str:
    power = first.get("power")
    if not power:
        return ""
    share = sentences.probability(power["power"], words=False)
    return (
        f"An effect of the claimed size, {power['effect']:g}, would be found in {share} of panels like this one, and "
        f"with no effect one would be found in {sentences.probability(power['size'], words=False)} "
        f"({power['panels']} panels from the model's posterior, shocks drawn anew)."
    )
