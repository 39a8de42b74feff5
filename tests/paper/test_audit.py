"""Does every rule pass a consistent paper, find what is planted in it, and say of the real paper what we say?"""

from __future__ import annotations

import dataclasses
import json
import math
from itertools import combinations, pairwise

import numpy as np
import pytest

from bri_bayes.paper import load_published
from bri_bayes.paper.audit import RULES, audit, audit_text, audit_values, question, questions_without_finding
from bri_bayes.paper.finding import SEVERITIES, Finding
from bri_bayes.paper.rules import fit, rows, stars, variance
from bri_bayes.paper.rules.akyeva import balance, categories, headline, placebo, text, treated
from bri_bayes.paper.rules.basis import residual_df

from .made_up import (
    MECHANISMS,
    ONSET,
    TREATED,
    made_up_data,
    made_up_paper,
    ols,
    printed,
    with_cell,
    with_descriptive,
    with_regression,
    with_rows,
    with_statement,
    with_statistic,
)

# Rounding to four digits, and to three of R-squared, moves the implied numbers by some percent.
ROUNDING = 0.05
ROWS = "420"


@pytest.fixture(scope="module")
def paper():
    return load_published()


@pytest.fixture(scope="module")
def consistent():
    return made_up_paper(seed=1)


def scaled(paper, table, column, variable, **factors):
    """The paper with the estimate or the standard error of a cell times a factor."""
    cell = paper.cell(table, column, variable)
    return with_cell(
        paper,
        table,
        column,
        variable,
        **{key: printed(getattr(cell, key).value * by).text for key, by in factors.items()},
    )


def ten_times_less(paper, table, column, variable):
    """The point of a standard error one digit to the left, as in a misprint."""
    text_of_se = paper.cell(table, column, variable).se.text
    return with_cell(paper, table, column, variable, se=text_of_se.replace("0.", "0.0", 1))


def placebos_on_all_rows(paper):
    return with_rows(paper, ROWS, tables=(4,))


def matched(paper):
    for column in range(1, 7):
        paper = with_regression(paper, 3, column, sample="matched")
    return placebos_on_all_rows(paper)


def copied(paper):
    its_cell = paper.cell(3, 3, "lnroaddensity")
    paper = with_cell(
        paper, 3, 6, "lnroaddensity", estimate=printed(its_cell.estimate.value + 6 * its_cell.se.value).text
    )
    other = paper.cell(3, 6, "lnroaddensity")
    return with_cell(paper, 4, 1, "lnroaddensity", estimate=other.estimate, se=other.se)


def with_shipped_statement(paper, name):
    statement = load_published().statements[name]
    return dataclasses.replace(paper, statements={**paper.statements, name: statement})


def with_shipped_fact(paper, name):
    return dataclasses.replace(paper, facts={**paper.facts, name: load_published().facts[name]})


def with_the_controls_of_the_paper(paper):
    shipped = load_published()
    paper = with_statement(paper, "control_countries", words="MNG BLR AZE SRB")
    return dataclasses.replace(paper, signatories=shipped.signatories)


# What is planted, the rule that must see it, and the findings that it must give.
PLANTED = {
    "rows of 291 countries": (
        lambda paper: with_rows(paper, "6,111"),
        rows.rows_and_countries,
        {"rows-and-countries"},
    ),
    "more units than there are countries": (
        lambda paper: with_rows(paper, "6,111"),
        treated.units_of_the_world,
        {"units-of-the-world"},
    ),
    "a better fit with fewer regressors": (
        lambda paper: with_statistic(paper, 8, 1, "r_squared", "0.500"),
        fit.r_squared_falls,
        {"r-squared-falls-8-1-3-3"},
    ),
    "two stars for a t of 5 and three for one of 1": (
        lambda paper: with_cell(with_cell(paper, 3, 3, "BRI", stars=1), 3, 2, "growth", stars=3),
        stars.star_order,
        {"star-order-of-table-3"},
    ),
    "a t of 150 in a poor fit": (
        lambda paper: with_statistic(scaled(paper, 3, 1, "BRI", se=0.02), 3, 1, "r_squared", "0.100"),
        rows.rows_needed_by_t,
        {"rows-needed-by-t"},
    ),
    "a t twice as large as its fit": (
        lambda paper: scaled(paper, 6, 3, "et_cooperation", se=0.5),
        rows.rows_of_one_table,
        {"rows-of-table-6"},
    ),
    "a matched sample that keeps all rows": (matched, treated.rows_after_matching, {"rows-after-matching"}),
    "three treated countries too few for the precision": (
        lambda paper: scaled(paper, 3, 1, "BRI", se=0.4),
        treated.treated_units,
        {"treated-units-3-1"},
    ),
    "country effects that cost no precision": (
        lambda paper: scaled(paper, 3, 3, "BRI", se=0.7),
        treated.treated_years,
        {"treated-years"},
    ),
    "a population that grows like trade": (
        lambda paper: scaled(paper, 3, 3, "lnppl", se=0.2),
        treated.within_shares,
        {"within-share-lnppl"},
    ),
    "a claimed effect without a star": (
        lambda paper: with_cell(paper, 3, 6, "BRI", stars=0),
        headline.headline_without_star,
        {"headline-without-star"},
    ),
    "a placebo with a wide standard error, the claim": (
        lambda paper: with_cell(placebos_on_all_rows(paper), 4, 1, "BRI", se="0.4000"),
        placebo.claim_under_placebo_errors,
        {"claim-under-placebo-errors"},
    ),
    "a placebo with a wide standard error": (
        lambda paper: with_cell(placebos_on_all_rows(paper), 4, 1, "BRI", se="0.4000"),
        placebo.placebo_standard_errors,
        {"placebo-standard-errors"},
    ),
    "a covariate estimated better with more regressors": (
        lambda paper: scaled(paper, 8, 1, "growth", se=0.4),
        variance.precision_gained,
        {"precision-gained"},
    ),
    "one clustered table": (
        lambda paper: scaled(paper, 4, 1, "lnpgdp", se=2.3),
        variance.variance_estimator,
        {"variance-estimator"},
    ),
    "a standard error with the point one digit to the left": (
        lambda paper: ten_times_less(paper, 5, 2, "growth"),
        variance.decimal_slips,
        {"decimal-slip-growth"},
    ),
    "a standard error with the point one digit to the right": (
        lambda paper: scaled(paper, 6, 1, "lnroaddensity", se=10),
        variance.misprinted_neighbours,
        {"misprint-6-lnroaddensity"},
    ),
    "a within R-squared among overall ones": (
        lambda paper: with_statistic(placebos_on_all_rows(paper), 4, 1, "r_squared", "0.300"),
        fit.r_squared_definitions,
        {"r-squared-3-3"},
    ),
    "an R-squared that two weak regressors raise": (
        lambda paper: with_statistic(paper, 3, 6, "r_squared", "0.600"),
        fit.joint_significance,
        {"joint-significance-8-2"},
    ),
    "a covariate that moves": (
        lambda paper: scaled(paper, 8, 1, "lnppl", estimate=3),
        headline.covariates_that_move,
        {"covariates-that-move"},
    ),
    "a copied line": (copied, headline.copied_cells, {"copied-4-1-lnroaddensity"}),
    "a placebo as large as the effect": (
        lambda paper: with_cell(paper, 4, 2, "BRI", estimate="0.4100", se="0.3000"),
        placebo.placebo_size,
        {"placebo-size"},
    ),
    "a significant placebo": (
        lambda paper: with_cell(paper, 4, 2, "BRI", estimate="0.2200", se="0.1000"),
        placebo.placebo_significance,
        {"placebo-significance"},
    ),
    "a placebo that is significant with the main standard error": (
        lambda paper: with_cell(placebos_on_all_rows(paper), 4, 2, "BRI", estimate="0.1200", se="0.1000"),
        placebo.placebo_significance,
        {"placebo-under-main-errors"},
    ),
    "placebos with the treated years": (placebos_on_all_rows, placebo.placebo_overlap, {"placebo-overlap"}),
    "fake groups larger than their pool": (
        lambda paper: with_statement(paper, "placebo_pool", words="A B C"),
        placebo.placebo_groups,
        {"placebo-group-size"},
    ),
    "more draws than groups": (
        lambda paper: with_statement(paper, "placebo_draws", number="200,000"),
        placebo.placebo_groups,
        {"placebo-draws"},
    ),
    "a mean of fake groups as evidence": (
        lambda paper: with_shipped_statement(paper, "placebo_mean_zero"),
        placebo.placebo_mean,
        {"placebo-mean"},
    ),
    "one star for a t of 15": (
        lambda paper: with_cell(paper, 3, 3, "BRI", stars=1),
        stars.star_convention,
        {"stars-of-table-3"},
    ),
    "a misquoted coefficient": (
        lambda paper: with_statement(paper, "flow_effect", number="0.999"),
        headline.numbers_of_the_text,
        {"text-flow-effect"},
    ),
    "a quoted level that the t does not reach": (
        lambda paper: with_cell(paper, 5, 1, "BRI", se="9.000", stars=0),
        headline.numbers_of_the_text,
        {"text-flow-level"},
    ),
    "a matched estimate outside of the matching range": (
        lambda paper: with_statement(matched(paper), "psm_export_high", number="0.461"),
        headline.matching_estimates,
        {"psm-range-3-3"},
    ),
    "a matching estimate that no printed error makes significant": (
        lambda paper: with_statement(paper, "psm_import_low", number="0.010"),
        headline.matching_estimates,
        {"psm-significance-3-6"},
    ),
    "a p-value that so few rows cannot have": (
        lambda paper: with_descriptive(paper, 2, "export_size_log", "p_value", "0.008", "before", stars=3),
        balance.balance_of_the_countries,
        {"balance-of-the-countries"},
    ),
    "a p-value of another sample": (
        lambda paper: with_descriptive(paper, 2, "export_growth", "p_value", "0.795", "after"),
        balance.balance_sizes,
        {"balance-sizes"},
    ),
    "means too far apart for their bias": (
        lambda paper: with_descriptive(paper, 2, "export_size_log", "control_mean", "13.200", "before"),
        balance.balance_spread,
        {"balance-spread"},
    ),
    "a reduction that is not one": (
        lambda paper: with_descriptive(paper, 2, "export_growth", "reduction_pct", "90.1", "after"),
        balance.balance_arithmetic,
        {"balance-arithmetic"},
    ),
    "a bias of the wrong sign": (
        lambda paper: with_descriptive(paper, 2, "export_volatility", "bias_pct", "21.0", "before"),
        balance.balance_arithmetic,
        {"balance-arithmetic"},
    ),
    "a star too many in the balance table": (
        lambda paper: with_descriptive(paper, 2, "export_growth", "p_value", "0.729", "after", stars=1),
        balance.balance_arithmetic,
        {"balance-arithmetic"},
    ),
    "one treated mean that moves": (
        lambda paper: with_descriptive(paper, 2, "export_growth", "treated_mean", "0.080", "after"),
        balance.treated_means_that_move,
        {"treated-means-that-move"},
    ),
    "a wrong total": (
        lambda paper: with_descriptive(paper, 1, "total", "trade_10000_usd", "46430"),
        categories.category_arithmetic,
        {"category-arithmetic"},
    ),
    "a wrong share": (
        lambda paper: with_descriptive(paper, 1, "chemicals", "share_pct", "14.2"),
        categories.category_arithmetic,
        {"category-arithmetic"},
    ),
    "a small category called large": (
        lambda paper: with_statement(paper, "main_categories", words="electronics instruments"),
        categories.category_ranking,
        {"category-ranking-trade"},
    ),
    "a fast category called slow": (
        lambda paper: with_statement(paper, "slow_categories", words="aerospace electronics"),
        categories.category_ranking,
        {"category-ranking-slow"},
    ),
    "exports larger than all trade": (
        lambda paper: with_descriptive(paper, 2, "export_size_log", "treated_mean", "19.234", "before"),
        categories.trade_of_two_tables,
        {"trade-of-two-tables"},
    ),
    "exports that grow faster than every category": (
        lambda paper: with_descriptive(paper, 2, "export_growth", "treated_mean", "0.125", "before"),
        categories.growth_of_two_tables,
        {"growth-of-two-tables"},
    ),
    "controls that took part": (with_the_controls_of_the_paper, text.controls_that_signed, {"controls-that-signed"}),
    "a control variable in no table": (
        lambda paper: with_statement(paper, "control_variables", words="population inflation"),
        text.control_variables,
        {"control-variables"},
    ),
    "covariates that the balance table does not show": (
        lambda paper: with_statement(paper, "matching_covariates", words="population export_growth"),
        text.matching_covariates,
        {"matching-covariates"},
    ),
    "an outcome in no table": (
        lambda paper: with_statement(paper, "outcome_of_the_model", words="lntrade"),
        text.outcome_of_the_model,
        {"outcome-of-the-model"},
    ),
    "two matching methods for one table": (
        lambda paper: with_statement(paper, "matching_in_section_3", words="nearest radius"),
        text.matching_methods,
        {"matching-methods"},
    ),
    "a share that moves by more than one": (
        lambda paper: with_cell(paper, 5, 1, "lnppl", estimate="8.269"),
        text.flow_as_a_share,
        {"flow-as-a-share"},
    ),
    "an interaction that cannot matter": (
        lambda paper: with_cell(paper, 8, 1, "BRI_x_inequality", estimate="-0.0172"),
        text.scale_of_inequality,
        {"scale-of-inequality"},
    ),
    "a classification younger than the panel": (
        lambda paper: with_shipped_fact(paper, "sitc4_first_year"),
        text.classification_years,
        {"classification-years"},
    ),
    "a cited work that is not listed": (
        lambda paper: dataclasses.replace(paper, references={}),
        text.citations,
        {
            "citation-quality-method",
            "citation-inequality-literature-first",
            "citation-inequality-literature-second",
            "citation-classification",
        },
    ),
}


def test_a_consistent_paper_has_no_finding(consistent):
    assert [found_by_rule.id for found_by_rule in audit(consistent)] == []
    assert len(questions_without_finding(consistent)) == len(RULES)


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_inconsistency_is_found(consistent, planted):
    plant, rule, expected = PLANTED[planted]
    spoiled = plant(consistent)
    assert {found_by_rule.id for found_by_rule in rule(spoiled)} == expected
    assert expected <= {found_by_rule.id for found_by_rule in audit(spoiled)}


def test_every_rule_has_a_planted_inconsistency():
    assert {rule for _, rule, _ in PLANTED.values()} == set(RULES)


def test_every_rule_asks_a_question_and_derives_its_answer():
    for rule in RULES:
        first, *rest = (rule.__doc__ or "").strip().splitlines()
        assert first.endswith("?"), rule
        assert rest or len(first) > 20, rule
    assert len({question(rule) for rule in RULES}) == len(RULES)


@pytest.mark.published
def test_the_findings_on_the_paper_are_these(paper):
    found_by_rule = {
        severity: {a_finding.id for a_finding in audit(paper) if a_finding.severity == severity}
        for severity in SEVERITIES
    }
    assert found_by_rule["contradiction"] == {
        "rows-and-countries",
        "decimal-slip-growth",
        "misprint-6-lnroaddensity",
        "placebo-group-size",
        "stars-of-table-3",
        "stars-of-table-4",
        "balance-of-the-countries",
        "category-ranking-trade",
        "control-variables",
        "matching-covariates",
        "outcome-of-the-model",
        "citation-quality-method",
        "citation-inequality-literature-first",
        "citation-inequality-literature-second",
        "citation-classification",
    }
    assert found_by_rule["implausible"] == {
        "classification-years",
        "rows-needed-by-t",
        "rows-of-table-6",
        "treated-units-3-1",
        "treated-units-3-4",
        "within-share-lnppl",
        "within-share-lnpgdp",
        "claim-under-placebo-errors",
        "placebo-standard-errors",
        "precision-gained",
        "joint-significance-8-1",
        "joint-significance-8-2",
        "placebo-size",
        "placebo-under-main-errors",
        "placebo-overlap",
        "placebo-draws",
        "placebo-mean",
        "balance-sizes",
        "balance-spread",
        "controls-that-signed",
        "flow-as-a-share",
    }
    assert found_by_rule["unclear"] == {
        "units-of-the-world",
        "headline-without-star",
        "r-squared-3-3",
        "r-squared-3-6",
        "r-squared-5-1",
        "rows-after-matching",
        "treated-years",
        "variance-estimator",
        "covariates-that-move",
        "copied-4-1-lnroaddensity",
        "psm-range-3-3",
        "psm-significance-3-6",
        "treated-means-that-move",
        "trade-of-two-tables",
        "growth-of-two-tables",
        "matching-methods",
        "scale-of-inequality",
    }


def test_two_r_squared_contradict_each_other_only_where_no_effects_could_be_counted_in_one_of_them(consistent):
    within = with_statistic(placebos_on_all_rows(consistent), 4, 1, "r_squared", "0.300")
    pooled = with_regression(within, 3, 3, unit_effects=False, period_effects=False)
    pooled = with_regression(pooled, 4, 1, unit_effects=False, period_effects=False)
    for spoiled, severity in ((within, "unclear"), (pooled, "contradiction")):
        assert {found_by_rule.severity for found_by_rule in fit.r_squared_definitions(spoiled)} == {severity}


@pytest.mark.published
def test_the_numbers_behind_the_main_findings_are_these(paper):
    computed = {found_by_rule.id: found_by_rule.computed for found_by_rule in audit(paper)}
    assert computed["rows-and-countries"] == {"stated": [6111], "most": 189, "units_if_balanced": 291}
    assert computed["placebo-draws"]["groups"] == 126
    claim = computed["claim-under-placebo-errors"]
    assert claim["Table 3 (3) BRI"]["t"] == pytest.approx(0.218 / 0.107)
    assert claim["Table 3 (6) BRI"]["t"] == pytest.approx(0.0988 / 0.116)
    assert computed["placebo-size"]["Table 4 (1) BRI"] == pytest.approx(0.163 / 0.218)
    # By hand: df = (0.251 (0.460 / 0.0577)^2 - 0.280 (0.155 / 0.0582)^2) / (0.749 - 0.720) = 482.
    assert computed["rows-of-table-6"]["implied_df"] == pytest.approx([463, 490], abs=1)
    # By hand: p (1 - p) = 0.81 * 2.62^2 / (6089 * 11/21 * 0.0894^2), 94 of 291.
    assert computed["treated-units-3-1"]["treated"]["sd 2.62"] == pytest.approx(93.5, abs=0.1)


def test_a_finding_is_one_plain_sentence_and_its_json_has_the_agreed_keys(paper):
    for values in audit_values(audit(paper)):
        assert list(values) == ["id", "severity", "claim", "finding", "cells", "computed", "panel"]
        assert values["panel"] == "published"
        assert values["finding"].endswith(".")
        assert values["finding"][0].isupper() or values["finding"][0].isdigit()
        assert "\n" not in values["finding"]
        assert values["cells"]
        json.dumps(values, allow_nan=False)
    ids = [values["id"] for values in audit_values(audit(paper))]
    assert len(ids) == len(set(ids))


def test_findings_come_contradictions_first_and_the_text_has_them_all(paper):
    findings = audit(paper)
    order = [list(SEVERITIES).index(found_by_rule.severity) for found_by_rule in findings]
    assert all(earlier <= later for earlier, later in pairwise(order))
    printed_text = audit_text(findings, questions_without_finding(paper))
    assert all(f"[{found_by_rule.id}]" in printed_text for found_by_rule in findings)
    assert printed_text.startswith(f"{len(findings)} findings: ")
    assert "CHECKED AND FOUND TO HOLD" in printed_text
    assert max(map(len, printed_text.splitlines())) <= 110


def test_a_number_without_a_bound_is_null_in_json():
    found_by_rule = Finding(
        "one", "unclear", "a claim", "A sentence.", ("a cell",), {"range": [0.123456789, float("inf")]}
    )
    assert found_by_rule.values["computed"] == {"range": [0.123457, None]}


def test_the_rows_that_a_table_implies_are_those_of_its_data():
    """The identity behind rows_of_one_table, at full precision: two columns that differ in one regressor give df."""
    data, specifications = made_up_data(3), load_published().specifications
    every = data["year"] > 0
    found_by_rule = []
    for column in (1, 2, 3, 4):
        regression = specifications[6, column]
        b, se, r2 = ols(data, regression, every)
        found_by_rule.append(((b[0] / se[0]) ** 2, 1 - r2))
        assert regression.regressors[0] == MECHANISMS[column - 1]
    df = every.sum() - 5 - 21 - 19
    for (t_one, gap_one), (t_other, gap_other) in combinations(found_by_rule, 2):
        assert (gap_other * t_other - gap_one * t_one) / (gap_one - gap_other) == pytest.approx(df)


def test_the_treated_units_that_a_column_implies_are_those_of_its_data(consistent):
    """treated_units at the true spread of the outcome, from printed cells alone, gives the eight treated of twenty."""
    for column in (1, 4):
        regression = consistent.regression(3, column)
        cell = consistent.cell(3, column, "BRI")
        sd = np.std(made_up_data(1)[regression.outcome])
        gap = 1 - consistent.r_squared(3, column).value
        product = gap * sd**2 / (residual_df(consistent, regression) * (11 / 21) * cell.se.value**2)
        assert 20 * (0.5 - math.sqrt(0.25 - product)) == pytest.approx(TREATED, rel=ROUNDING)


def test_a_placebo_with_the_treated_years_contains_the_stated_part_of_the_effect():
    """placebo_overlap on noiseless data: the coefficient of a dummy from k on is tau s / s'."""
    years = np.arange(2003, 2024)
    ever = np.arange(9) < 5
    y = 0.218 * np.outer(ever, years >= ONSET)
    for fake, weight in ((2012, 11 / 12), (2007, 11 / 17)):
        D = np.outer(ever, years >= fake).astype(float)
        D = D - D.mean(0) - D.mean(1, keepdims=True) + D.mean()
        assert np.sum(D * y) / np.sum(D * D) == pytest.approx(0.218 * weight)


def test_the_mean_over_all_fake_groups_is_zero_with_an_effect_or_without(rng):
    change = rng.normal(size=9)
    change[:5] += 0.218
    groups = combinations(range(9), 5)
    estimates = [change[list(group)].mean() - np.delete(change, group).mean() for group in groups]
    assert len(estimates) == 126
    assert np.mean(estimates) == pytest.approx(0, abs=1e-12)


def test_the_correlation_that_a_joint_test_needs_solves_its_equation():
    for joint, first, second in ((682.0, -3.28, -1.32), (648.0, -1.82, 1.66), (30.0, 4.0, 3.0)):
        r = fit._least_correlation(joint, first, second)
        values = [(first**2 + second**2 - 2 * s * r * first * second) / (2 * (1 - r**2)) for s in (1, -1)]
        assert min(abs(value / joint - 1) for value in values) < 1e-6
    assert fit._least_correlation(5.0, 4.0, 3.0) == 0.0
