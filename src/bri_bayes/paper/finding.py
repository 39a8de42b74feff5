"""What does the audit find? A claim of the paper, one plain sentence against it, and the numbers behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bri_bayes.paper.tables import Published

Severity = Literal["contradiction", "implausible", "unclear"]

# What each word promises, in the order in which findings are shown.
SEVERITIES: Mapping[Severity, str] = {
    "contradiction": "two statements of the paper cannot both be true as printed",
    "implausible": "possible, but at odds with a named source, with the design, or with ordinary standard errors",
    "unclear": "the paper does not say enough; the sentence names what would settle it",
}

# Enough to recompute a figure, and short enough to read.
_DIGITS = 6


@dataclass(frozen=True)
class Finding:
    """``claim`` : what the paper says. ``finding`` : one sentence. ``cells`` : where. ``computed`` : by name."""

    id: str
    severity: Severity
    claim: str
    finding: str
    cells: tuple[str, ...]
    computed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """The finding as JSON has it: numbers with six digits, null where there is no bound."""
        return {
            "id": self.id,
            "severity": self.severity,
            "claim": self.claim,
            "finding": self.finding,
            "cells": list(self.cells),
            "computed": _short(self.computed),
            "panel": "published",
        }


Rule = Callable[[Published], Iterable[Finding]]


def _short(value: Any) -> Any:
    match value:
        case bool() | int() | str() | None:
            return value
        case float():
            return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
        case Mapping():
            return {str(key): _short(item) for key, item in value.items()}
        case _:
            return [_short(item) for item in value]
