"""What does the page say of product categories? Sentences, figures and tables from the values of the section."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bri_bayes.presentation import sentences
from bri_bayes.presentation.page_parts import Heading, Paragraph, Part, Picture, Shown
from bri_bayes.presentation.study_tables import OUTCOME, Values
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns, in_csv

NAME = "categories"
# The verdict on a claim that some categories gained more than others.
SURE = 0.95
RULE = (
    "The claim is supported if the posterior probability that the named categories gained more on average than the "
    f"others is at least {SURE}, not supported if it is at most {1 - SURE:.2f}, and cannot be told in between, or on a "
    "panel that is not observed."
)

LEVELS_RULE = (
    "Intervals by the cluster jackknife, p by permutation over all assignments. The placebo has the years before the "
    "onset alone, treated from their middle on; an effect beside a placebo as large is no evidence."
)


def parts(values: Values) -> list[Part]:
    """What the page shows."""
    section = values[NAME]
    said = [f"Made from: {section['panel']['label'].rstrip('.')}.", section.get("note") or ""]
    banner = sentences.banner(section)
    page: list[Part] = [Paragraph(" ".join(filter(None, [f"{banner}." if banner else "", *said])), strong=bool(banner))]
    page.append(
        Paragraph(
            "One model for all categories: effects of categories share a centre, those of countries around a category "
            "a full covariance, and so do the errors, so that a shock to all goods of a country counts once. A "
            "ranking is a set of probabilities."
        )
    )
    pictures = ["category_effects", "category_ranks"]
    differences = any(outcome["differences"] for outcome in section["outcomes"].values())
    pictures += ["category_differences"] if differences else []
    pictures += ["product_growth"]
    page += [Picture(name) for name in pictures]
    for outcome in section["outcomes"].values():
        page += _outcome_parts(values, outcome)
    claims = CLAIMS.fill(values)
    if claims.rows:
        page.append(Shown(claims))
    return page


def _outcome_parts(values: Values, outcome: Values) -> list[Part]:
    page: list[Part] = [Heading(outcome["label"])]
    fit = outcome["fits"][outcome["main"]]
    page.append(Paragraph(most_sentence(values[NAME], fit)))
    for key, comparison in outcome["fits"].items():
        page += [Paragraph(f"{fit_name(key, comparison)}: {note}.") for note in comparison["notes"]]
    table = EFFECTS.fill(values).where(label=outcome["label"]).without("label")
    page.append(Shown(table.titled(f"{outcome['label']}: {EFFECTS.caption}"), "All effects"))
    levels = LEVELS.fill(values).where(label=outcome["label"]).without("label")
    if levels.rows:
        page.append(Shown(levels.titled(f"{outcome['label']}: {LEVELS.caption}"), "With zeros, and before the onset"))
    return page


def most_sentence(section: Values, fit: Values) -> str:
    """Which category most likely gained most, how likely, and what a guess would score."""
    order = sorted(fit["categories"], key=lambda name: -fit["ranks"][name][0])
    first, second = (section["names"].get(name, name) for name in order[:2])
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


def _effect_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The effect of each category in each comparison, with the probability that it is the largest."""
    for key, category, outcome in _categories(values):
        for name, fit in outcome["fits"].items():
            if category in fit["categories"]:
                more = {"p_largest": fit["ranks"][category][0], "did": fit["did"][category]}
                dollars = fit.get("additional_usd", {}).get(category, {}).get("mean")
                comparison = {"fit": fit_name(name, fit), "additional_usd": dollars}
                yield {**key, **comparison, **fit["effects"][category], **more}


def _rank_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The probability of each rank of each category, in the main comparison."""
    for key, category, outcome in _categories(values):
        ranks = outcome["fits"][outcome["main"]]["ranks"].get(category, [])
        yield {**key, **{f"rank_{rank}": p for rank, p in enumerate(ranks, start=1)}}


def _growth_rows(values: Values) -> Iterator[dict[str, Any]]:
    """Level, share and growth of each category, treated units and controls together."""
    section = values[NAME]
    for name, outcome in section.get("outcomes", {}).items():
        for row in outcome["growth"]:
            category = section["names"].get(row["category"], row["category"])
            yield {**row, "outcome": name, "label": outcome["label"], "category": category}


def _level_rows(values: Values) -> Iterator[dict[str, Any]]:
    """Each category with its zeros, and its placebo."""
    section = values[NAME]
    for name, outcome in section.get("outcomes", {}).items():
        for row in outcome.get("levels", []):
            category = section["names"].get(row["category"], row["category"])
            yield {**row, "outcome": name, "label": outcome["label"], "category": category}


def _level_notes(values: Values) -> tuple[str, ...]:
    said = [
        f"{row['label']}, {row['category']}: {row['note']}" for row in _level_rows(values) if row["note"] is not None
    ]
    return (LEVELS_RULE, *dict.fromkeys(said))


def _claim_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The claim on the categories, its verdict and the numbers behind it."""
    yield from ({**claim, **claim["numbers"]} for claim in values[NAME].get("claims", []))


def _categories(values: Values) -> Iterator[tuple[dict[str, Any], str, Values]]:
    """Each category of each outcome under the columns that name it."""
    section = values[NAME]
    for name, outcome in section.get("outcomes", {}).items():
        for category in dict.fromkeys(code for fit in outcome["fits"].values() for code in fit["categories"]):
            shown = section["names"].get(category, category)
            yield {"outcome": name, "label": outcome["label"], "category": shown}, category, outcome


def _panel(values: Values) -> Values:
    return dict(values[NAME]["panel"])


def _rank_columns(values: Values) -> tuple[Column, ...]:
    ranks = range(1, 1 + max((sum(key.startswith("rank_") for key in row) for row in _rank_rows(values)), default=0))
    chances = (Column(f"rank_{rank}", f"{rank}", "probability", minor=rank > 9) for rank in ranks)
    return (*OUTCOME, Column("category", "category", "name"), *chances)


EFFECTS = TableSpec(
    "category_effects",
    "Effects by product category, log points",
    (
        *OUTCOME,
        Column("fit", "comparison"),
        Column("category", "category", "name"),
        *effect_columns("effect", digits=2),
        Column("p_largest", "P(largest)", "probability"),
        Column("did", "means alone", "number", 2, "effect"),
        *in_csv("additional_usd", kind="dollars"),
    ),
    _effect_rows,
    panel=_panel,
)
RANKS = TableSpec(
    "category_ranks",
    "Probability of each rank of a product category, largest effect first",
    _rank_columns,
    _rank_rows,
    panel=_panel,
)
GROWTH = TableSpec(
    "product_growth",
    "Level, share and growth by product category",
    (
        *OUTCOME,
        Column("group", "group"),
        Column("category", "category", "name"),
        Column("mean_level", "mean level", "amount"),
        Column("share_pct", "share, %", "number", 1),
        *in_csv("missing", kind="count"),
        Column("growth_before_pct", "growth before, %", "number", 1),
        Column("growth_after_pct", "growth after, %", "number", 1),
    ),
    _growth_rows,
    panel=_panel,
)
CLAIMS = TableSpec(
    "category_claims",
    "The paper's claim on its categories",
    (
        Column("claim", "claim", "name"),
        Column("where", "outcome"),
        Column("verdict", "verdict", "verdict"),
        Column("p_gained_more", "P(gained more)", "probability"),
        Column("p_top_set", "P(all above the rest)", "probability"),
        Column("chance_of_top_set", "by chance", "probability", minor=True),
    ),
    _claim_rows,
    lambda values: (RULE,),
    panel=_panel,
)
LEVELS = TableSpec(
    "category_levels",
    "Effects on the mean level by product category, zeros included (PPML), log points",
    (
        *OUTCOME,
        Column("category", "category", "name"),
        Column("zeros", "zeros", "count"),
        *in_csv("rows", kind="count"),
        Column("effect", "effect", "number", 2, "effect"),
        Column("lower", "2.5%", "number", 2, "effect"),
        Column("upper", "97.5%", "number", 2, "effect"),
        Column("p_value", "permutation p", "p-value"),
        *in_csv("placebo_onset", kind="year"),
        Column("placebo", "placebo", "number", 2, "effect"),
        Column("placebo_p_value", "placebo p", "p-value"),
        *in_csv("note"),
    ),
    _level_rows,
    _level_notes,
    panel=_panel,
)
TABLES = (EFFECTS, RANKS, GROWTH, LEVELS, CLAIMS)
