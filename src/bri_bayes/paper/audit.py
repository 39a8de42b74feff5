"""Do the paper's own numbers hold together? Every rule of rules/, and what each finds in data/published.

Rules compute from the cells and name a source for everything else. Several rest on ordinary (homoskedastic) standard
errors, because the paper names no estimator; their sentence says so, and they call something a contradiction only where
no usual estimator would close the gap.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from bri_bayes.paper.finding import SEVERITIES, Finding, Rule
from bri_bayes.paper.rules import balance, categories, fit, placebo, rows, stars, text, treated, variance
from bri_bayes.paper.tables import Published, load_published

# In the order in which findings of one severity are shown: the sample, the claim, the tables, the text.
RULES: tuple[Rule, ...] = (
    rows.rows_and_countries,
    rows.rows_needed_by_t,
    rows.rows_of_one_table,
    rows.rows_after_matching,
    treated.treated_units,
    treated.treated_years,
    treated.within_shares,
    stars.headline_without_star,
    variance.claim_under_placebo_errors,
    variance.placebo_standard_errors,
    variance.precision_gained,
    variance.variance_estimator,
    variance.decimal_slips,
    variance.misprinted_neighbours,
    fit.r_squared_definitions,
    fit.joint_significance,
    fit.covariates_that_move,
    fit.copied_cells,
    placebo.placebo_size,
    placebo.placebo_significance,
    placebo.placebo_overlap,
    placebo.placebo_groups,
    placebo.placebo_mean,
    stars.star_convention,
    stars.numbers_of_the_text,
    stars.matching_estimates,
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
    """Every finding, contradictions first. ``published`` : None takes the paper as shipped."""
    source = load_published() if published is None else published
    order = list(SEVERITIES)
    return sorted((found for rule in RULES for found in rule(source)), key=lambda found: order.index(found.severity))


def questions_without_finding(published: Published | None = None) -> list[str]:
    """The questions of the rules that the paper passes."""
    source = load_published() if published is None else published
    return [question(rule) for rule in RULES if not list(rule(source))]


def question(rule: Rule) -> str:
    """What a rule asks: the first line of its docstring."""
    return (rule.__doc__ or "").strip().splitlines()[0]


def audit_values(published: Published | None = None) -> list[dict[str, Any]]:
    """The findings as ``bri-bayes audit --json`` prints them."""
    return [found.values for found in audit(published)]


def audit_text(findings: Iterable[Finding], passed: Sequence[str] = ()) -> str:
    """The findings for a person, by severity. ``passed`` : questions of rules without a finding."""
    listed = list(findings)
    by_severity = {severity: [one for one in listed if one.severity == severity] for severity in SEVERITIES}
    counts = ", ".join(f"{len(found)} {severity}" for severity, found in by_severity.items())
    parts = [f"{sum(map(len, by_severity.values()))} findings: {counts}."]
    for severity, found in by_severity.items():
        if found:
            parts.append(f"{severity.upper()}: {SEVERITIES[severity]}")
            parts += [_paragraph(one) for one in found]
    if passed:
        parts.append("CHECKED AND FOUND TO HOLD")
        parts.append("\n".join(_indented(sentence, "- ") for sentence in passed))
    return "\n\n".join(parts)


def _paragraph(found: Finding) -> str:
    more = f" and {len(found.cells) - _CELLS} more" if len(found.cells) > _CELLS else ""
    cells = ", ".join(found.cells[:_CELLS]) + more
    lines = [_indented(f"[{found.id}] {found.finding}"), _indented(f"claim: {found.claim}", "    ")]
    return "\n".join([*lines, _indented(f"cells: {cells}", "    ")])


def _indented(sentence: str, first: str = "") -> str:
    return textwrap.fill(sentence, _WIDTH, initial_indent=first, subsequent_indent="    ", break_on_hyphens=False)
