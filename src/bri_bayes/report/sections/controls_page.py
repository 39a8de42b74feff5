"""What does the report say about the choice of controls? Sentences by rule, pictures, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bri_bayes.data.regions import regions
from bri_bayes.presentation import sentences
from bri_bayes.presentation.control_sentences import KINDS, comparison_label, factors_sentence
from bri_bayes.presentation.page_parts import Heading, Paragraph, Part, Picture, Shown
from bri_bayes.presentation.study_tables import OUTCOME, Values, unit_name
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns, in_csv

NAME = "controls"


def parts(values: Values) -> list[Part]:
    """The page of the section."""
    section = values[NAME]
    page: list[Part] = [
        Heading("Every set of the controls"),
        Paragraph(
            "The card of the checks is fitted again with every non-empty set of the controls. How a control moves the "
            "estimate is the change when it joins a set of the others, averaged over sets as a Shapley value does."
        ),
        *[Paragraph(text) for text in left_aside(values, "subsets_refused", "No sets")],
        Picture("control_subsets"),
        Heading("One unit less, and other pools"),
        Paragraph(
            "Donors of the wider pool are units with the outcome in every period. A rule that looks at outcomes before "
            "the onset (the nearest paths, the synthetic control) uses them twice: its fit before says little of after."
        ),
        Picture("control_pool"),
    ]
    if any(
        outcome.get("contaminated") or outcome.get("contaminated_refused") for outcome in section["outcomes"].values()
    ):
        page += _joined_themselves(values)
    if any(outcome.get(kind) for outcome in section["outcomes"].values() for kind in ("synthetic", "factor")):
        page.append(Heading("Synthetic control and factor model"))
        page += [Paragraph(text) for text in (*refusals(section), *incomplete(values))]
        page.append(Picture("expected_paths"))
        page += [Paragraph(text) for text in map(factors_sentence, section["outcomes"].values()) if text]
    page += [Shown(EFFECTS.fill(values), "All estimates of this section")]
    weights = WEIGHTS.fill(values)
    if weights.rows:
        page.append(Shown(weights, "Weights of the synthetic controls"))
    factors = FACTORS.fill(values)
    if factors.rows:
        page.append(Shown(factors, "How well each number of factors predicts hidden donors"))
    return page


def _joined_themselves(values: Values) -> list[Part]:
    """What is said of controls that the study calls exposed."""
    return [
        Heading("Controls that joined the policy themselves"),
        Paragraph(
            "A contaminated control has, so many years after it joined, the share kappa of what a treated unit has as "
            "many years after the onset. The effect shown is still that on the treated units, in full."
        ),
        *[Paragraph(text) for text in left_aside(values, "contaminated_refused", "Not with the card of the checks")],
        Picture("contamination"),
    ]


def _effect_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row for each comparison."""
    for name, outcome in values[NAME]["outcomes"].items():
        for kind, described in KINDS.items():
            records = outcome.get(kind) or []
            for record in [records] if isinstance(records, Mapping) else records:
                if "att" in record:
                    key = {"outcome": name, "label": outcome["label"], "kind": described}
                    yield {**key, **_comparison(values, kind, record)}


def _influence_rows(values: Values) -> Iterator[dict[str, Any]]:
    """How each control moves the estimate."""
    for name, outcome in values[NAME]["outcomes"].items():
        for row in outcome.get("influence") or []:
            yield {"outcome": name, "label": outcome["label"], **row, "control": unit_name(values, row["control"])}


def _contamination_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The effect at each share, and the weight of the share."""
    for name, outcome in values[NAME]["outcomes"].items():
        for record in outcome.get("contaminated") or []:
            yield {"outcome": name, "label": outcome["label"], **record, **record["att"]}


def _weight_rows(values: Values) -> Iterator[dict[str, Any]]:
    for name, outcome in values[NAME]["outcomes"].items():
        for unit, weights in ((outcome.get("synthetic") or {}).get("weights") or {}).items():
            key = {"outcome": name, "label": outcome["label"], "name": unit_name(values, unit)}
            yield from ({**key, "donor": _donor(values, donor), "weight": weight} for donor, weight in weights.items())


def _donor(values: Values, unit: str) -> str:
    """The name of a donor: the study's, or that of the country."""
    known = regions() if sentences.unit_noun(values) == "countries" else {}
    return known[unit].name if unit in known and unit_name(values, unit) == unit else unit_name(values, unit)


def _factor_rows(values: Values) -> Iterator[dict[str, Any]]:
    for name, outcome in values[NAME]["outcomes"].items():
        model = outcome.get("factor") or {}
        for row in model.get("ranks") or []:
            yield {"outcome": name, "label": outcome["label"], **row}


def left_aside(values: Values, key: str, opening: str) -> list[str]:
    """Why a part was not computed, each reason once."""
    reasons = [outcome.get(key) for outcome in values[NAME]["outcomes"].values()]
    return [f"{opening}: {reason}." for reason in dict.fromkeys(reasons) if reason]


def incomplete(values: Values) -> list[str]:
    """Treated units that the counterfactual models leave out."""
    texts = []
    for outcome in values[NAME]["outcomes"].values():
        units = (outcome.get("synthetic") or {}).get("units_without_every_period") or []
        if units:
            named = ", ".join(unit_name(values, unit) for unit in units)
            texts.append(f"{outcome['label']}: without {named}, whose series has missing years.")
    return texts


def refusals(section: Values) -> list[str]:
    """Why a counterfactual model is not there, each reason once."""
    reasons = [
        f"{noun}: {outcome[kind]['refused']}."
        for outcome in section["outcomes"].values()
        for kind, noun in (("synthetic", "No synthetic control"), ("factor", "No factor model"))
        if "refused" in (outcome.get(kind) or {})
    ]
    return list(dict.fromkeys(reasons))


def _comparison(values: Values, kind: str, record: Mapping[str, Any]) -> dict[str, Any]:
    pretrend = record.get("pretrend") or {}
    return {
        "comparison": comparison_label(values, kind, record),
        "n_controls": len(record["controls"]) if "controls" in record else record.get("donors"),
        "rows": record.get("rows"),
        **record["att"],
        "gap": pretrend.get("gap"),
        "slope": pretrend.get("slope"),
    }


EFFECTS = TableSpec(
    "controls",
    "The effect under each choice of controls: posterior mean, sd and 95% interval",
    (
        *OUTCOME,
        Column("kind", "kind"),
        Column("comparison", "comparison", "name"),
        *in_csv("n_controls", kind="count"),
        Column("rows", "rows", "count", minor=True),
        *effect_columns(digits=3),
        Column("gap", "gap before", "number", 3, minor=True),
        Column("slope", "slope before", "number", 3, minor=True),
    ),
    _effect_rows,
    lambda values: (
        "Gap before: root mean square of the difference between treated units and controls in the years before the "
        "onset, its mean taken away; slope: its change a year. For a synthetic control and a factor model: what they "
        "leave.",
    ),
)
INFLUENCE = TableSpec(
    "control_influence",
    "How the estimate changes when a control joins",
    (
        *OUTCOME,
        Column("control", "control", "name"),
        Column("joins", "change when it joins", "number", 3, "effect"),
        Column("with", "mean with it", "number", 3, "effect"),
        Column("without", "mean without it", "number", 3, "effect"),
    ),
    _influence_rows,
)
CONTAMINATION = TableSpec(
    "contamination",
    "The effect when controls have a share of it",
    (
        *OUTCOME,
        Column("share", "share", "number", 2),
        *effect_columns(digits=3),
        Column("density", "density of the share", "number", 2, minor=True),
        Column("log_marginal", "log marginal", "number", 1, minor=True),
    ),
    _contamination_rows,
)
WEIGHTS = TableSpec(
    "synthetic_weights",
    "Weights of the synthetic controls (posterior means, largest first)",
    (*OUTCOME, Column("name", "country", "name"), Column("donor", "donor"), Column("weight", "weight", "number", 3)),
    _weight_rows,
)
FACTORS = TableSpec(
    "numbers_of_factors",
    "Errors of hidden donors by number of factors",
    (
        *OUTCOME,
        Column("rank", "factors", "count"),
        Column("error", "mean absolute error", "number", 4),
        Column("excess", "over the best", "number", 4, "excess"),
        Column("se", "its s.e.", "number", 4, "excess"),
        Column("p_best", "P(predicts best)", "probability"),
    ),
    _factor_rows,
    lambda values: (
        "P(predicts best): share of weightings of the donors, uniform over all, under which the number has the "
        "smallest error; the answer is averaged over the numbers with these weights.",
    ),
)
TABLES = (EFFECTS, INFLUENCE, CONTAMINATION, WEIGHTS, FACTORS)
