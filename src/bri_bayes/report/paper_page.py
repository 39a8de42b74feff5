"""What does the page say about the paper? Its audit, its estimates read as data, its power."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from bri_bayes.evaluation.verdict_shares import truths
from bri_bayes.presentation.names_shown import card_label
from bri_bayes.presentation.study_tables import frequentist_rows, method_name
from bri_bayes.presentation.table_spec import PUBLISHED, Column, Table, Values, effect_columns
from bri_bayes.report.sections.claim_rules import RULES

_SHOWN_CELLS = 4
# A sign before a number, and no range such as 2003-2012.
_MINUS = re.compile(r"(?<![\w)-])-(?=\d)")
_PLURAL = {"contradiction": "contradictions"}


def paper_content(values: Values) -> dict[str, Any]:
    """The tables of the sections about the paper; an empty list where the study has no values for them."""
    paper = values.get("paper") or {}
    return {
        "audit": _audit(paper.get("audit") or []),
        "audit_count": _count(paper.get("audit") or []),
        "readings": [_reading(entry) for entry in paper.get("reading") or []],
        "power": [
            table
            for outcome in values.get("outcomes", {}).values()
            if outcome.get("power")
            for table in (
                _power(outcome, values["panel"]),
                *_verdicts(values, outcome),
            )
        ],
    }


def _count(findings: list[Values]) -> str | None:
    if not findings:
        return None
    counted = Counter(finding["severity"] for finding in findings)
    named = (f"{number} {_counted(name, number)}" for name, number in counted.items())
    return f"{len(findings)} findings: {', '.join(named)}."


def _audit(findings: list[Values]) -> list[dict[str, Any]]:
    """The findings by severity, in the order of the audit."""
    counted = Counter(str(finding["severity"]) for finding in findings)
    return [
        {
            "severity": _counted(severity, number).capitalize(),
            "findings": [
                {**finding, "finding": _MINUS.sub("−", str(finding["finding"])), "where": _where(finding["cells"])}
                for finding in findings
                if finding["severity"] == severity
            ],
        }
        for severity, number in counted.items()
    ]


def _counted(severity: str, number: int) -> str:
    return _PLURAL.get(severity, severity) if number > 1 else severity


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


def _power(outcome: Values, panel: Values) -> Table:
    """Size and power of each test by persistence, each test called as it is on the panel itself."""
    entry = outcome["power"]
    called = {f"{row['estimator']}/{row['inference']}": method_name(row) for row in frequentist_rows(outcome)}
    rows = tuple(
        {**row, "test": called.get(row["test"], row["test"]), "errors": _persistence(row["rho"])}
        for row in entry["rows"]
    )
    note = (
        f"{entry['panels']:,} simulated panels a row; innovations of sd {entry['innovation_sd']:.2f} as in this panel. "
        "At a true effect of zero, finding one is the size of the test. The s.e. is that of the simulation. Wrong sign "
        "and exaggeration are among findings."
    )
    caption = f"{outcome['label']}: what each test finds where the truth is known"
    return Table("power", caption, _POWER, rows, (note,), panel=panel)


def _verdicts(values: Values, outcome: Values) -> Iterator[Table]:
    """What the rule of the claim says of panels whose effect is known; none in results of an earlier version."""
    entry = outcome["power"]
    named = dict(zip(truths(entry["effect"]), ("none", "half of the claim", "as published"), strict=False))
    if rows := tuple({**row, "effect": named[row["truth"]]} for row in entry.get("verdicts", ())):
        notes = (
            f"{entry['panels']:,} simulated panels a row, {_persistence(entry['rho'])}, as in the table above. "
            f"The rule: {RULES['effect'].text}.",
            _whose(values, outcome),
            _NOT_COVERED,
        )
        yield Table(
            "verdicts_known",
            f"{outcome['label']}: what the rule of the claim says where the truth is known",
            _VERDICTS,
            rows,
            notes,
            panel=values["panel"],
        )


def _whose(values: Values, outcome: Values) -> str:
    """Whose posterior is judged, where the claim rests on another."""
    asked, shown = outcome["power"]["card"], outcome["main"]
    text = f"Units of these panels are independent, and the posterior is that of {card_label(asked, values)}"
    if shown == asked:
        return f"{text}."
    return f"{text}; the verdict of the claim rests on {card_label(shown, values)}, whose rates are not computed."


def _persistence(rho: float) -> str:
    if rho in (0, 1):
        return "random walk" if rho else "independent"
    return f"AR(1), rho {rho:.2f}"


_NOT_COVERED = (
    "Of other claims these panels do not tell. That of fake groups is supported at most as often as the permutation "
    "test finds an effect. Parallel trends have the trend that they could have shown; fake onsets, matching, "
    "moderation, channels, and both outcomes at once have rules on other models or data, whose error rates are not "
    "computed."
)
_READING = (
    Column("prior", "prior", "name"),
    Column("noise", "noise"),
    Column("noise_sd", "sd of the noise", "number", 3),
    *effect_columns(sd="", digits=3),
    Column("p_half", "P(> half)", "probability"),
    Column("factor_interval", "s.e. may be times", "number", 1),
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
_VERDICTS = (
    Column("effect", "true effect", "name"),
    Column("truth", "its size", "number", 3),
    Column("supported", "supported", "probability"),
    Column("not_supported", "not supported", "probability"),
    Column("cannot_be_told", "cannot be told", "probability"),
    Column("mc_error", "s.e. of a share, at most", "number", 3),
)
