"""What does a figure say in plain sentences? They stand over it in the report and describe it to who cannot see it."""

from __future__ import annotations

from bri_bayes.presentation import sentences
from bri_bayes.presentation import study_tables as tables
from bri_bayes.presentation.digits import digits_of_published
from bri_bayes.presentation.names_shown import card_label
from bri_bayes.presentation.policy_name import naming_policy
from bri_bayes.presentation.study_tables import Values, main_model
from bri_bayes.report.figures import is_of_section, section_caption


def caption(values: Values, figure: str) -> list[str]:
    """The plain sentences over a figure, one for each outcome that it shows."""
    return [naming_policy(values, text) for text in _sentences(values, figure)]


def _sentences(values: Values, figure: str) -> list[str]:
    if is_of_section(figure):
        return section_caption(values, figure)
    headline, paths = tables.headline(values), tables.by_event_time(values)
    texts: list[str] = []
    for name, outcome in values["outcomes"].items():
        model = main_model(outcome)
        if not model:
            continue
        if figure == "comparison":
            texts.append(sentences.comparison(headline[headline["outcome"] == name]))
        elif figure == "forest" and model.get("by_unit"):
            texts.append(sentences.by_unit(values, outcome))
        elif figure == "event_study":
            rows = tables.event_study_rows(paths[paths["outcome"] == name], outcome)
            texts += [] if rows.empty else [sentences.event_study(outcome, rows)]
        elif figure == "paths" and model.get("counterfactual"):
            texts.append(sentences.paths(values, outcome))
        elif figure == "additional_trade" and model.get("additional_trade_usd"):
            texts.append(sentences.additional_trade(outcome))
        elif figure == "power" and outcome.get("power"):
            texts.append(_power(values, outcome))
    return texts


def _power(values: Values, outcome: Values) -> str:
    """At the persistence that the panel shows: the posterior's power, and the size of the ordinary test; and the power
    of the model that is shown first, where that is another."""
    entry = outcome["power"]
    at = {(row["test"], row["effect"] == 0): row["power"] for row in entry["rows"] if row["rho"] == entry["rho"]}
    detected, invented = (
        sentences.probability(at[key], words=False) for key in (("bayes/posterior", False), ("twfe/iid", True))
    )
    effect = sentences.signed(entry["effect"], digits_of_published(entry["effect"]))
    text = (
        f"{outcome['label']}: with the persistence of this panel, a true effect of {effect} would be found by the "
        f"posterior in {detected} of panels; ordinary standard errors find an effect that is not there in {invented}."
    )
    first = outcome.get("first") or {}
    if not first.get("power") or first["card"] == entry["card"]:
        return text
    share = sentences.probability(first["power"]["power"], words=False)
    names = [card_label(card, values) for card in (entry["card"], first["card"])]
    return f"{text} That is of the model {names[0]}; of the one that is shown first, {names[1]}, it is {share}."
