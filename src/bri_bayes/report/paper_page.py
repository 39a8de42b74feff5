"""What does the page say about the paper? Its audit, its estimates read as data, its power."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bri_bayes.presentation.table_spec import PUBLISHED, Column, Table, Values, effect_columns

_SHOWN_CELLS = 4
_PLURAL = {"contradiction": "contradictions"}


def paper_content(values: Values) -> dict[str, Any]:
    """The tables of the sections about the paper; an empty list where the study has no values for them."""
    paper = values.get("paper") or {}
    return {
        "audit": _audit(paper.get("audit") or []),
        "audit_count": _count(paper.get("audit") or []),
        "readings": [_reading(entry) for entry in paper.get("reading") or []],
        "power": [
            _power(outcome["label"], outcome["power"], values["panel"])
            for outcome in values.get("outcomes", {}).values()
            if outcome.get("power")
        ],
    }


def _count(findings: list[Values]) -> str | None:
    if not findings:
        return None
    counted = Counter(finding["severity"] for finding in findings)
    named = (f"{number} {_PLURAL.get(name, name) if number > 1 else name}" for name, number in counted.items())
    return f"{len(findings)} findings: {', '.join(named)}."


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
    rows = tuple({**row, **row["posterior"]} for row in entry["readings"])
    reasons = [f"Prior {prior['name']}: {prior['reason']}." for prior in entry["priors"]]
    assumed = [f"{name}: {text}." for name, text in entry["assumptions"].items()]
    caption = f"{entry['outcome']}, {entry['cell']}: {entry['estimate']} ({entry['se']})"
    return Table("reading", caption, _READING, rows, (*reasons, *assumed), panel=PUBLISHED)


def _power(label: str, entry: Values, panel: Values) -> Table:
    """Size and power of each test by persistence."""
    rows = tuple({**row, "errors": _persistence(row["rho"])} for row in entry["rows"])
    note = (
        f"{entry['panels']:,} simulated panels a row; innovations of sd {entry['innovation_sd']:.2f} as in this panel. "
        "At a true effect of zero, finding one is the size of the test. The s.e. is that of the simulation. Wrong sign "
        "and exaggeration are among findings."
    )
    return Table("power", label, _POWER, rows, (note,), panel=panel)


def _persistence(rho: float) -> str:
    if rho in (0, 1):
        return "random walk" if rho else "independent"
    return f"AR(1), rho {rho:.2f}"


_READING = (
    Column("prior", "prior", "name"),
    Column("noise", "noise"),
    Column("noise_sd", "sd of the noise", "number", 3),
    *effect_columns(sd="", digits=3),
    Column("p_half", "P(> half)", "probability"),
    Column("factor_interval", "s.e. may be larger by", "number", 1),
)
_POWER = (
    Column("test", "test", "name"),
    Column("errors", "errors"),
    Column("effect", "true effect", "number", 3),
    Column("power", "finds an effect", "probability"),
    Column("mc_error", "s.e. of that share", "number", 3),
    Column("type_s", "wrong sign", "probability"),
    Column("type_m", "exaggeration", "number", 1),
    Column("coverage", "95% interval holds", "probability"),
    Column("length", "its length", "number", 2),
)
