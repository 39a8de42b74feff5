"""What is a card of the comparison called? As everywhere (``names_shown``), here with its part in the study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bri_bayes.presentation.names_shown import card_label
from bri_bayes.presentation.study_tables import Values


def compared_label(values: Values, row: Mapping[str, Any]) -> str:
    """The label of the card of a row of the comparison."""
    return card_label(str(row["name"]), values)


def label_and_role(values: Values, outcome: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """The same, and whether the card is the one that is shown first, or that of the checks."""
    role = outcome.get("roles", {}).get(row["name"])
    return f"{compared_label(values, row)} ({role})" if role else compared_label(values, row)
