"""What does the report say about the choice of controls? Sentences by rule, pictures, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bri_bayes.presentation.control_sentences import KINDS, comparison_label
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
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.table_files import TableOf

NAME = "controls"
_EFFECT = ("mean", "sd", "lower", "upper", "p_positive")


def parts(values: Values) -> list[Part]:
    """The page of the section."""
    section = values[NAME]
    found: list[Part] = [
        Heading("Every set of the controls"),
        Paragraph(
            "The main card is fitted again with every non-empty set of the controls. How a control moves the estimate "
            "is the change when it joins a set of the others, averaged over sets as a Shapley value does."
        ),
        *[Paragraph(text) for text in left_aside(values, "subsets_refused", "No sets")],
        Picture("control_subsets"),
        Heading("One unit less, and other pools"),
        Paragraph(
            "Donors of the wider pool are units with the outcome in every period. A rule that looks at outcomes before "
            "the onset (the nearest paths, the synthetic control) uses them twice: its fit before says little of after."
        ),
        Picture("control_pool"),
        Heading("Controls that joined the policy themselves"),
        Paragraph(
            "A contaminated control has, so many years after it joined, the share kappa of what a treated unit has as "
            "many years after the onset. The effect shown is still that on the treated countries, in full."
        ),
        *[Paragraph(text) for text in left_aside(values, "contaminated_refused", "Not with the main card")],
        Picture("contamination"),
        Heading("Synthetic control and factor model"),
        *[Paragraph(text) for text in (*refusals(section), *incomplete(values))],
        Picture("expected_paths"),
    ]
    found += [Shown(_effects_table(values), "All estimates of this section")]
    weights = _weights(values)
    if not weights.empty:
        columns = {"label": ("outcome", row_name), "name": ("country", plain), "donor": ("donor", plain)}
        shown = page_table(
            weights, "Weights of the synthetic controls (posterior means, largest first)",
            {**columns, "weight": ("weight", digits_of(3))},
        )  # fmt: skip
        found.append(Shown(shown, "Weights of the synthetic controls"))
    return found


def tables() -> dict[str, TableOf]:
    """The tables of the section by name."""
    return {
        "controls": ("The effect under each choice of controls: posterior mean, sd and 95% interval", effects),
        "control_influence": ("How the estimate changes when a control joins", influences),
        "contamination": ("The effect when controls have a share of it", contamination),
        "synthetic_weights": ("Weights of the synthetic controls", _weights),
    }


def effects(values: Values) -> pd.DataFrame:
    """A row for each comparison."""
    rows = []
    for name, outcome in values[NAME]["outcomes"].items():
        for kind, described in KINDS.items():
            found = outcome.get(kind) or []
            for record in found if isinstance(found, list) else [found]:
                if "att" in record:
                    rows.append(
                        {"outcome": name, "label": outcome["label"], "kind": described, **_row(values, kind, record)}
                    )
    columns = ("outcome", "label", "kind", "comparison", "n_controls", "rows", *_EFFECT, "gap", "slope")
    return pd.DataFrame(rows, columns=list(columns)).assign(panel=values["panel"]["kind"])


def influences(values: Values) -> pd.DataFrame:
    """How each control moves the estimate."""
    rows = [
        {"outcome": name, "label": outcome["label"], **row, "control": unit_name(values, row["control"])}
        for name, outcome in values[NAME]["outcomes"].items()
        for row in outcome.get("influence") or []
    ]
    frame = pd.DataFrame(rows, columns=["outcome", "label", "control", "joins", "with", "without"])
    return frame.assign(panel=values["panel"]["kind"])


def contamination(values: Values) -> pd.DataFrame:
    """The effect at each share, and the weight of the share."""
    rows = [
        {"outcome": name, "label": outcome["label"], "share": record["share"], **_effect(record["att"])}
        | {"density": record.get("density"), "log_marginal": record["log_marginal"]}
        for name, outcome in values[NAME]["outcomes"].items()
        for record in outcome.get("contaminated") or []
    ]
    columns = ["outcome", "label", "share", *_EFFECT, "density", "log_marginal"]
    return pd.DataFrame(rows, columns=columns).assign(panel=values["panel"]["kind"])


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


def _row(values: Values, kind: str, record: Mapping[str, Any]) -> dict[str, Any]:
    pretrend = record.get("pretrend") or {}
    controls = len(record["controls"]) if "controls" in record else record.get("donors")
    return {
        "comparison": comparison_label(values, kind, record),
        "n_controls": controls,
        "rows": record.get("rows"),
        **_effect(record["att"]),
        "gap": pretrend.get("gap"),
        "slope": pretrend.get("slope"),
    }


def _effect(att: Mapping[str, Any]) -> dict[str, Any]:
    return {name: att[name] for name in _EFFECT}


def _effects_table(values: Values) -> Any:
    frame = effects(values)
    columns = {"comparison": ("comparison", row_name), "label": ("outcome", plain), "kind": ("kind", plain)}
    numbers = {"mean": "mean", "sd": "sd", "lower": "2.5%", "upper": "97.5%"}
    shown = {name: (heading, digits_of(3)) for name, heading in numbers.items()}
    fit = {"gap": ("gap before", digits_of(3)), "slope": ("slope before", digits_of(3)), "rows": ("rows", digits_of(0))}
    notes = [
        "Gap before: root mean square of the difference between treated units and controls in the years before the "
        "onset, its mean taken away; slope: its change a year. For a synthetic control and a factor model: what they "
        "leave."
    ]
    caption = "The effect under each choice of controls"
    return page_table(frame, caption, {**columns, **shown, "p_positive": ("P(> 0)", chance), **fit}, notes)


def _weights(values: Values) -> pd.DataFrame:
    rows = [
        {"outcome": name, "label": outcome["label"], "name": unit_name(values, unit), "donor": donor, "weight": weight}
        for name, outcome in values[NAME]["outcomes"].items()
        for unit, weights in ((outcome.get("synthetic") or {}).get("weights") or {}).items()
        for donor, weight in weights.items()
    ]
    frame = pd.DataFrame(rows, columns=["outcome", "label", "name", "donor", "weight"])
    return frame.assign(panel=values["panel"]["kind"])
