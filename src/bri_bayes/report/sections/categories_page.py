"""What does the page say of product categories? Sentences, figures and tables from the values of the section."""

from __future__ import annotations

import math

import pandas as pd

from bri_bayes.presentation import sentences
from bri_bayes.presentation.page_parts import (
    Heading,
    Paragraph,
    Part,
    Picture,
    Shown,
    chance,
    digits_of,
    page_table,
    plain,
    row_name,
)
from bri_bayes.presentation.study_tables import Values

NAME = "categories"
# The verdict on a claim that some categories gained more than others.
SURE = 0.95
RULE = (
    "The claim is supported if the posterior probability that the named categories gained more on average than the "
    f"others is at least {SURE}, not supported if it is at most {1 - SURE:.2f}, and cannot be told in between, or on a "
    "panel that is not observed."
)


def parts(values: Values) -> list[Part]:
    """What the page shows."""
    own = values[NAME]
    said = [f"Made from: {own['panel']['label'].rstrip('.')}.", own.get("note") or ""]
    banner = sentences.banner(own)
    page: list[Part] = [Paragraph(" ".join(filter(None, [f"{banner}." if banner else "", *said])), strong=bool(banner))]
    page.append(
        Paragraph(
            "One model for all categories: effects of categories share a centre, those of countries around a category "
            "a full covariance, and so do the errors, so that a shock to all goods of a country counts once. A "
            "ranking is a set of probabilities."
        )
    )
    pictures = ["category_effects", "category_ranks"]
    pictures += ["category_differences"] if any(one["differences"] for one in own["outcomes"].values()) else []
    pictures += ["product_growth"]
    page += [Picture(name) for name in pictures]
    for outcome in own["outcomes"].values():
        page += _outcome_parts(values, outcome)
    claims = claim_table(values)
    if not claims.empty:
        columns = {"claim": ("claim", row_name), "where": ("outcome", plain), "verdict": ("verdict", plain)}
        columns |= {"p_gained_more": ("P(gained more)", chance), "p_top_set": ("P(all above the rest)", chance)}
        page.append(Shown(page_table(claims, "The paper's claim on its categories", columns, [RULE])))
    return page


def _outcome_parts(values: Values, outcome: Values) -> list[Part]:
    page: list[Part] = [Heading(outcome["label"])]
    fit = outcome["fits"][outcome["main"]]
    page.append(Paragraph(most_sentence(values[NAME], fit)))
    for key, one in outcome["fits"].items():
        for note in one["notes"]:
            page.append(Paragraph(f"{fit_name(key, one)}: {note}."))
    frame = effect_table(values)
    own = frame[frame["label"] == outcome["label"]]
    columns = {"category": ("category", row_name), "fit": ("comparison", plain), "did": ("means alone", digits_of(2))}
    columns |= {"mean": ("effect", digits_of(2)), "lower": ("2.5%", digits_of(2)), "upper": ("97.5%", digits_of(2))}
    columns |= {"p_positive": ("P(> 0)", chance), "p_largest": ("P(largest)", chance)}
    page.append(Shown(page_table(own, f"{outcome['label']}: effects by category, log points", columns), "All effects"))
    return page


def most_sentence(own: Values, fit: Values) -> str:
    """Which category most likely gained most, how likely, and what a guess would score."""
    order = sorted(fit["categories"], key=lambda name: -fit["ranks"][name][0])
    first, second = (own["names"].get(name, name) for name in order[:2])
    p = [sentences.probability(fit["ranks"][name][0], words=False) for name in order[:2]]
    guess = sentences.probability(1 / len(order), words=False)
    return (
        f"Most likely to have gained most: {first}, with probability {p[0]}; then {second}, {p[1]} "
        f"(a guess among {len(order)} has {guess})."
    )


def fit_name(key: str, fit: Values) -> str:
    """A comparison in words."""
    years = f"{fit['span'][0]}–{fit['span'][1]}"
    return f"{years}, {len(fit['treated'])} treated against {len(fit['controls'])} controls"


def effect_table(values: Values) -> pd.DataFrame:
    """The effect of each category in each comparison, with the probability that it is the largest."""
    own = values[NAME]
    rows = [
        {
            "outcome": name,
            "label": outcome["label"],
            "fit": fit_name(key, fit),
            "category": own["names"].get(category, category),
            **fit["effects"][category],
            "p_largest": fit["ranks"][category][0],
            "did": fit["did"][category],
            **({"additional_usd": fit["additional_usd"][category]["mean"]} if "additional_usd" in fit else {}),
        }
        for name, outcome in own.get("outcomes", {}).items()
        for key, fit in outcome["fits"].items()
        for category in fit["categories"]
    ]
    return pd.DataFrame(rows).assign(panel=own["panel"]["kind"])


def rank_table(values: Values) -> pd.DataFrame:
    """The probability of each rank of each category, in the main comparison."""
    own = values[NAME]
    rows = [
        {
            "outcome": name,
            "label": outcome["label"],
            "category": own["names"].get(category, category),
            **{f"rank_{rank + 1}": p for rank, p in enumerate(outcome["fits"][outcome["main"]]["ranks"][category])},
        }
        for name, outcome in own.get("outcomes", {}).items()
        for category in outcome["fits"][outcome["main"]]["categories"]
    ]
    return pd.DataFrame(rows).assign(panel=own["panel"]["kind"])


def growth_table(values: Values) -> pd.DataFrame:
    """Level, share and growth of each category, treated units and controls together."""
    own = values[NAME]
    rows = [
        {
            "outcome": name,
            "label": outcome["label"],
            **row,
            "category": own["names"].get(row["category"], row["category"]),
        }
        for name, outcome in own.get("outcomes", {}).items()
        for row in outcome["growth"]
    ]
    return pd.DataFrame(rows).assign(panel=own["panel"]["kind"])


def claim_table(values: Values) -> pd.DataFrame:
    """The claim on the categories, its verdict and the numbers behind it."""
    own = values[NAME]
    columns = ("claim", "where", "verdict", "p_gained_more", "p_top_set", "chance_of_top_set")
    rows = [{**claim, **claim["numbers"]} for claim in own.get("claims", [])]
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.assign(panel=own["panel"]["kind"]) if not frame.empty else frame.assign(panel=math.nan)
