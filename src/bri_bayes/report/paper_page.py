"""What does the page say about the paper? Its audit, its estimates read as data, its power."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bri_bayes.presentation.page_parts import Show, Table, chance, digits_of, page_table, plain, row_name

Values = Mapping[str, Any]
_SHOWN_CELLS = 4


def paper_content(values: Values) -> dict[str, Any]:
    """The tables of the sections about the paper; an empty list where the study has no values for them."""
    paper = values.get("paper") or {}
    return {
        "audit": _audit(paper.get("audit") or []),
        "audit_count": _count(paper.get("audit") or []),
        "readings": [_reading(entry) for entry in paper.get("reading") or []],
        "power": [
            _power(outcome["label"], outcome["power"])
            for outcome in values.get("outcomes", {}).values()
            if outcome.get("power")
        ],
    }


def _count(findings: list[Values]) -> str | None:
    if not findings:
        return None
    counted = pd.Series([finding["severity"] for finding in findings]).value_counts(sort=False)
    return f"{len(findings)} findings: " + ", ".join(f"{number} {name}" for name, number in counted.items()) + "."


def _audit(findings: list[Values]) -> list[dict[str, Any]]:
    """The findings by severity, in the order of the audit."""
    severities = dict.fromkeys(finding["severity"] for finding in findings)
    return [
        {
            "severity": str(severity).capitalize(),
            "findings": [
                {**finding, "where": _where(finding["cells"])}
                for finding in findings
                if finding["severity"] == severity
            ],
        }
        for severity in severities
    ]


def _where(cells: list[str]) -> str:
    more = len(cells) - _SHOWN_CELLS
    return "; ".join(cells[:_SHOWN_CELLS]) + (f"; and {more} more" if more > 0 else "")


def _reading(entry: Values) -> Table:
    """Posterior of one headline effect under each prior and noise."""
    rows = [{**row, **row["posterior"]} for row in entry["readings"]]
    columns: dict[str, tuple[str, Show]] = {"prior": ("prior", row_name), "noise": ("noise", plain)}
    columns |= {"noise_sd": ("sd of the noise", digits_of(3)), "mean": ("mean", digits_of(3))}
    columns |= {"lower": ("2.5%", digits_of(3)), "upper": ("97.5%", digits_of(3))}
    columns |= {"p_positive": ("P(> 0)", chance), "p_half": ("P(> half)", chance)}
    columns |= {"factor_interval": ("s.e. may be larger by", digits_of(1))}
    reasons = [f"Prior {prior['name']}: {prior['reason']}." for prior in entry["priors"]]
    assumed = [f"{name}: {text}." for name, text in entry["assumptions"].items()]
    caption = f"{entry['outcome']}, {entry['cell']}: {entry['estimate']} ({entry['se']})"
    return page_table(pd.DataFrame(rows), caption, columns, [*reasons, *assumed])


def _power(label: str, entry: Values) -> Table:
    """Size and power of each test by persistence."""
    frame = pd.DataFrame(entry["rows"]).astype({"effect": float})
    frame = frame.assign(errors=frame["rho"].map(_persistence))
    columns: dict[str, tuple[str, Show]] = {"test": ("test", row_name), "errors": ("errors", plain)}
    columns |= {"effect": ("true effect", digits_of(3)), "power": ("finds an effect", chance)}
    columns |= {"type_s": ("wrong sign", chance), "type_m": ("exaggeration", digits_of(1))}
    columns |= {"coverage": ("95% interval holds", chance), "length": ("its length", digits_of(2))}
    note = (
        f"{entry['panels']} simulated panels a row; innovations of sd {entry['innovation_sd']:.2f} as in this panel. "
        "At a true effect of zero, finding one is the size of the test. Wrong sign and exaggeration are among findings."
    )
    return page_table(frame, label, columns, [note])


def _persistence(rho: float) -> str:
    return "random walk" if rho == 1 else f"rho {rho:.2f}"
