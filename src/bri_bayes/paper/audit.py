"""Do a paper's own numbers hold together? The rules that hold for any tables, and those on the paper in data/published.

Rules compute from the cells and name a source for everything else. Several rest on ordinary (homoskedastic) standard
errors, because papers seldom name another estimator; their sentence says so, and they call something a contradiction
only where no usual estimator would close the gap.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bri_bayes.paper.consistency import joint_consistency
from bri_bayes.paper.finding import SEVERITIES, Finding, Rule
from bri_bayes.paper.reported import ReportedTables, Stated, as_published, load_tables
from bri_bayes.paper.rules import fit, rows, stars, variance
from bri_bayes.paper.rules.akyeva import balance, categories, headline, placebo, text, treated
from bri_bayes.paper.tables import Published, load_published

# The rules for any tables, and what these have to state for a rule to apply, beside coefficients and standard errors.
GENERAL: Mapping[Rule, frozenset[Stated]] = {
    rows.rows_and_countries: frozenset({"observations", "units", "periods"}),
    rows.rows_needed_by_t: frozenset({"units", "periods"}),
    rows.rows_of_one_table: frozenset({"observations", "periods"}),
    variance.precision_gained: frozenset({"observations", "periods"}),
    variance.variance_estimator: frozenset(),
    variance.decimal_slips: frozenset(),
    variance.misprinted_neighbours: frozenset(),
    fit.r_squared_definitions: frozenset({"observations", "periods"}),
    fit.r_squared_falls: frozenset(),
    fit.joint_significance: frozenset({"observations", "periods"}),
    stars.star_convention: frozenset({"stars", "star_levels"}),
    stars.star_order: frozenset({"stars"}),
}
# The rules on the shipped paper, in the order in which findings of one severity are shown: the sample, the claim, the
# tables, the text.
RULES: tuple[Rule, ...] = (
    rows.rows_and_countries,
    treated.units_of_the_world,
    rows.rows_needed_by_t,
    rows.rows_of_one_table,
    treated.rows_after_matching,
    treated.treated_units,
    treated.treated_years,
    treated.within_shares,
    headline.headline_without_star,
    placebo.claim_under_placebo_errors,
    placebo.placebo_standard_errors,
    variance.precision_gained,
    variance.variance_estimator,
    variance.decimal_slips,
    variance.misprinted_neighbours,
    fit.r_squared_definitions,
    fit.r_squared_falls,
    fit.joint_significance,
    headline.covariates_that_move,
    headline.copied_cells,
    placebo.placebo_size,
    placebo.placebo_significance,
    placebo.placebo_overlap,
    placebo.placebo_groups,
    placebo.placebo_mean,
    stars.star_convention,
    stars.star_order,
    headline.numbers_of_the_text,
    headline.matching_estimates,
    balance.balance_of_the_countries,
    balance.balance_sizes,
    balance.balance_spread,
    balance.balance_arithmetic,
    balance.treated_means_that_move,
    categories.category_arithmetic,
    categories.category_ranking,
    categories.trade_of_two_tables,
    categories.growth_of_two_tables,
    text.controls_that_signed,
    text.control_variables,
    text.matching_covariates,
    text.outcome_of_the_model,
    text.matching_methods,
    text.classification_years,
    text.flow_as_a_share,
    text.scale_of_inequality,
    text.citations,
)

_WIDTH = 100
# More cells than these are counted, not listed.
_CELLS = 8


def audit(published: Published | None = None) -> list[Finding]:
    """Every finding on the shipped paper, contradictions first. ``published`` : other numbers than the shipped ones."""
    source = load_published() if published is None else published
    return _by_severity(finding for rule in RULES for finding in rule(source))


def audit_tables(tables: ReportedTables) -> list[Finding]:
    """Every finding on the tables of any paper, contradictions first."""
    published = as_published(tables)
    findings = [finding for rule in _applicable(tables) for finding in rule(published)]
    return _by_severity([*findings, *one_data_set(tables)])


def one_data_set(tables: ReportedTables) -> list[Finding]:
    """Can one data set give all regressions, each number within its rounding?"""
    answer = joint_consistency(tables.regression, every_certificate=False)
    if answer.verdict != "conflict":
        return []
    names = tuple(regression.name for regression in tables.regression)
    return [
        Finding(
            id="one-data-set",
            severity="contradiction",
            claim=f"{', '.join(names)} are on the same rows.",
            finding=answer.sentence,
            cells=answer.collinear[0].regressions if answer.collinear else names,
            computed=dict(answer.collinear[0].combination) if answer.collinear else {},
        )
    ]


def questions_without_finding(published: Published | None = None) -> list[str]:
    """The questions of the rules that the paper passes."""
    source = load_published() if published is None else published
    return [question(rule) for rule in RULES if not list(rule(source))]


def findings_and_questions(path: Path | None) -> tuple[list[Finding], list[str], list[str]]:
    """The findings on a TOML file of tables, or (None) on the shipped paper; the questions that it passes, and those
    that it states too little for, with what is missing."""
    if path is None:
        return audit(), questions_without_finding(), []
    tables = load_tables(path)
    published = as_published(tables)
    passed = [question(rule) for rule in _applicable(tables) if not list(rule(published))]
    passed += [] if one_data_set(tables) else [question(one_data_set)]
    lacking = {rule: sorted(needs - tables.stated) for rule, needs in GENERAL.items() if needs - tables.stated}
    not_asked = [f"{question(rule)} Not stated: {', '.join(missing)}." for rule, missing in lacking.items()]
    return audit_tables(tables), passed, not_asked


def _applicable(tables: ReportedTables) -> list[Rule]:
    return [rule for rule, needs in GENERAL.items() if needs <= tables.stated]


def _by_severity(findings: Iterable[Finding]) -> list[Finding]:
    order = list(SEVERITIES)
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def question(rule: Callable[..., Any]) -> str:
    """What a rule asks: the first line of its docstring."""
    return (rule.__doc__ or "").strip().splitlines()[0]


def audit_values(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """The findings as ``bri-bayes audit --json`` prints them."""
    return [finding.values for finding in findings]


def audit_text(findings: Iterable[Finding], passed: Sequence[str] = (), not_asked: Sequence[str] = ()) -> str:
    """The findings for a person, by severity. ``passed``, ``not_asked`` : questions of rules without a finding."""
    listed = list(findings)
    by_severity = {severity: [each for each in listed if each.severity == severity] for severity in SEVERITIES}
    counts = ", ".join(f"{len(members)} {severity}" for severity, members in by_severity.items())
    parts = [f"{len(listed)} findings: {counts}."]
    for severity, members in by_severity.items():
        if members:
            parts.append(f"{severity.upper()}: {SEVERITIES[severity]}")
            parts += [_paragraph(finding) for finding in members]
    for title, questions in (("CHECKED AND FOUND TO HOLD", passed), ("NOT CHECKED", not_asked)):
        if questions:
            parts += [title, "\n".join(_indented(sentence, "- ") for sentence in questions)]
    return "\n\n".join(parts)


def _paragraph(finding: Finding) -> str:
    more = f" and {len(finding.cells) - _CELLS} more" if len(finding.cells) > _CELLS else ""
    cells = ", ".join(finding.cells[:_CELLS]) + more
    lines = [_indented(f"[{finding.id}] {finding.finding}"), _indented(f"claim: {finding.claim}", "    ")]
    return "\n".join([*lines, _indented(f"cells: {cells}", "    ")])


def _indented(sentence: str, first: str = "") -> str:
    return textwrap.fill(sentence, _WIDTH, initial_indent=first, subsequent_indent="    ", break_on_hyphens=False)
