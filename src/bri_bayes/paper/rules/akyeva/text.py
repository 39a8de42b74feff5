"""Do the text, the tables and the list of references speak of the same thing?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from bri_bayes.paper.finding import Finding
from bri_bayes.paper.records import Cell, Statement
from bri_bayes.paper.rules.akyeva.basis import BRI, headlines, onset
from bri_bayes.paper.rules.basis import labels
from bri_bayes.paper.tables import Published

# How the text names what the tables name otherwise.
IN_TABLES = {"population": "lnppl", "pgdp": "lnpgdp", "infrastructure": "lnroaddensity", "open": "lnopen"}
# The smaller group of town and countryside has at least this share of the people in every country of the panel: the
# bound of the Theil index that follows is generous.
SMALLEST_GROUP = 0.05
# An interaction matters if over the whole range of the index it takes away this share of the effect.
MATTERS = 0.5


def control_variables(published: Published) -> Iterator[Finding]:
    """Does every control variable that the text names stand in a regression, or in none of the tables?

    Names are compared after translating the text's into the tables' (IN_TABLES).
    """
    named = published.statement("control_variables").words
    used = {name for regression in published.regressions() for name in regression.regressors}
    missing = [name for name in named if IN_TABLES.get(name, name) not in used]
    if not missing:
        return
    yield Finding(
        id="control-variables",
        severity="contradiction",
        claim=f"The controls are {', '.join(named)} (section {published.statement('control_variables').section}).",
        finding=f"No regression of the tables contains {', '.join(missing)}.",
        cells=tuple(f"{regression.label}" for regression in headlines(published)),
        computed={"named": list(named), "missing": missing},
    )


def matching_covariates(published: Published) -> Iterator[Finding]:
    """Does the balance table show the covariates of the propensity score?"""
    named = published.statement("matching_covariates").words
    shown = list(dict.fromkeys(row for table, row, _, _ in published.descriptives if table == 2))
    missing = [name for name in named if not {name, IN_TABLES.get(name, name)} & set(shown)]
    if not missing:
        return
    yield Finding(
        id="matching-covariates",
        severity="contradiction",
        claim=f"The propensity score rests on {', '.join(named)} (section "
        f"{published.statement('matching_covariates').section}), and Table 2 shows that they are balanced.",
        finding=f"Table 2 has {', '.join(shown)} and not {', '.join(missing)}.",
        cells=tuple(f"Table 2 {row}" for row in shown),
        computed={"named": list(named), "shown": shown},
    )


def outcome_of_the_model(published: Published) -> Iterator[Finding]:
    """Is the outcome of the model equation estimated anywhere?"""
    statement = published.statement("outcome_of_the_model")
    outcomes = {regression.outcome for regression in published.regressions()}
    if set(statement.words) & outcomes:
        return
    yield Finding(
        id="outcome-of-the-model",
        severity="contradiction",
        claim=f"The outcome is {', '.join(statement.words)}, the log of exports and imports together (section "
        f"{statement.section}).",
        finding=f"No table has the outcome {', '.join(statement.words)}; the outcomes are "
        f"{', '.join(sorted(outcomes))}.",
        cells=tuple(main.label for main in headlines(published)),
        computed={"outcomes": sorted(outcomes)},
    )


def matching_methods(published: Published) -> Iterator[Finding]:
    """Do the sections name one matching method for the baseline?"""
    model, table = (published.statement(f"matching_in_section_{section}") for section in ("3", "4_1"))
    if set(table.words) <= set(model.words):
        return
    yield Finding(
        id="matching-methods",
        severity="unclear",
        claim=f"The matched sample is made by {' or '.join(model.words)} matching (section {model.section}).",
        finding=f"Section {table.section} says {' and '.join(table.words)} matching; the code would settle which "
        "gives Table 3.",
        cells=(f"section {model.section}", f"section {table.section}"),
        computed={"section_3": list(model.words), "section_4_1": list(table.words)},
    )


def controls_that_signed(published: Published) -> Iterator[Finding]:
    """Did the control countries stay outside of the initiative during the treated years?

    Dates and sources are in signatories.csv. A document does not measure exposure; it shows that the line between the
    groups is not participation.
    """
    controls = published.statement("control_countries").words
    last = published.statement("last_year").value
    signed = [published.signatories[unit] for unit in controls if unit in published.signatories]
    inside = [signatory for signatory in signed if onset(published) <= signatory.signed.year <= last]
    if not inside:
        return
    dates = ", ".join(f"{signatory.country} by {signatory.signed:%B %Y}" for signatory in inside)
    yield Finding(
        id="controls-that-signed",
        severity="implausible",
        claim="The controls were not deeply affected by the initiative (section 3(1)).",
        finding=f"{len(inside)} of the {len(controls)} controls signed documents with China on the initiative "
        f"within the treated years: {dates}.",
        cells=("section 3(1)",),
        computed={
            signatory.unit: {
                "by": signatory.signed.isoformat(),
                "document": signatory.document,
                "source": signatory.source,
            }
            for signatory in inside
        },
    )


def citations(published: Published) -> Iterator[Finding]:
    """Do the works that the text names stand under the numbers that it gives, or anywhere in the list?

    A statement of the kind "a citation" has the year, the family names and the numbers; each name is looked up among
    the authors under these numbers, then among the entries of the year.
    """
    for statement in published.statements.values():
        if not statement.meaning.startswith("a citation"):
            continue
        numbers = [int(word) for word in statement.words if word.isdecimal()]
        listed = {number: published.references[number].authors for number in numbers if number in published.references}
        entries = [entry for entry in published.references.values() if entry.year == statement.value]
        known = {author for authors in (*listed.values(), *(entry.authors for entry in entries)) for author in authors}
        missing = [word for word in statement.words if not word.isdecimal() and word not in known]
        if missing:
            yield _citation(statement, missing, listed)


def _citation(statement: Statement, missing: list[str], listed: dict[int, tuple[str, ...]]) -> Finding:
    entries = "".join(f"; [{number}] is by {', '.join(authors)}" for number, authors in listed.items())
    return Finding(
        id=f"citation-{statement.id.replace('_', '-')}",
        severity="contradiction",
        claim=f"The text cites {', '.join(missing)} (section {statement.section}).",
        finding=f"The list of references has no work of {statement.value:g} by {' or '.join(missing)}{entries}.",
        cells=(f"section {statement.section}", *(f"reference [{number}]" for number in listed)),
        computed={"named": missing, "listed": {str(number): list(authors) for number, authors in listed.items()}},
    )


def classification_years(published: Published) -> Iterator[Finding]:
    """Does the classification that the text names exist in its source for every year of the panel?

    The first year of the revision in UN Comtrade stands in facts.csv. Earlier years are reported in earlier revisions;
    a series in the later one rests on a conversion.
    """
    statement, fact = published.statements.get("trade_classification"), published.facts.get("sitc4_first_year")
    first, last = (int(published.statement(f"{end}_year").value) for end in ("first", "last"))
    if statement is None or fact is None or fact.value <= first:
        return
    before = [year for year in range(first, last + 1) if year < fact.value]
    pre = sum(year < onset(published) for year in range(first, last + 1))
    yield Finding(
        id="classification-years",
        severity="implausible",
        claim=f"Trade of {first} to {last} from UN Comtrade is classified by SITC Rev. {statement.value:g} "
        f"(section {statement.section}).",
        finding=f"UN Comtrade has SITC Rev. {statement.value:g} from {fact.value:g} on, so {before[0]} to "
        f"{before[-1]}, {len(before)} of the {pre} years before the policy, come from another classification; "
        "the paper names no conversion.",
        cells=(f"section {statement.section}",),
        computed={"years": before, "first_year": fact.value, "source": fact.source},
    )


def flow_as_a_share(published: Published) -> Iterator[Finding]:
    """Can an outcome that is a share have these coefficients?

    A share lies in [0, 1]. A coefficient b of a logarithm changes it by b ln 2 when the regressor doubles; above 1 no
    share could follow.
    """
    cells: list[Cell] = [
        cell
        for regression in published.regressions()
        if regression.outcome == "flow"
        for cell in published.cells_of(*regression.key)
        if cell.variable.startswith("ln") and abs(cell.estimate.value) * math.log(2) > 1
    ]
    if "flow_is_a_share" not in published.statements or not cells:
        return
    largest = max(cells, key=lambda cell: abs(cell.estimate.value))
    yield Finding(
        id="flow-as-a-share",
        severity="implausible",
        claim="flow is the share of the investing firms that take part in the initiative (section 5(1)).",
        finding=f"{largest.label} is {largest.estimate}: a doubling of the regressor would move the share by "
        f"{largest.estimate.value * math.log(2):.1f}, and a share lies between 0 and 1.",
        cells=labels(cells),
        computed={cell.label: cell.estimate.value * math.log(2) for cell in cells},
    )


def scale_of_inequality(published: Published) -> Iterator[Finding]:
    """Does the interaction matter over the range that the inequality index can have?

    The effect is b + c x; it is zero at x = -b / c. The Theil index between two groups is sum_g s_g ln(s_g / p_g), s_g
    the share of income and p_g of people, at most -ln(min p_g).
    """
    bound = -math.log(SMALLEST_GROUP)
    rows: dict[str, dict[str, float]] = {}
    cells: list[Cell] = []
    for regression in published.regressions():
        for cell in published.cells_of(*regression.key):
            if cell.variable == f"{BRI}_x_inequality":
                main = published.cell(*regression.key, BRI)
                zero = -main.estimate.value / cell.estimate.value
                rows[regression.label] = {"zero_at": zero, "most_of_the_effect": bound / zero}
                cells += [main, cell]
    small = [label for label, row in rows.items() if abs(row["most_of_the_effect"]) < MATTERS]
    if not small or "inequality_is_theil" not in published.statements:
        return
    share = max(abs(rows[label]["most_of_the_effect"]) for label in small)
    yield Finding(
        id="scale-of-inequality",
        severity="unclear",
        claim="Inequality, a Theil index between town and countryside, weakens the effect.",
        finding=f"The effect would be zero at an index of {min(rows[label]['zero_at'] for label in small):.1f} "
        f"or more; one of two groups with at least {SMALLEST_GROUP:.0%} of the people each is {bound:.1f} at "
        f"most, which takes {share:.0%} of the effect. The scale of the variable would settle it.",
        cells=labels(cells),
        computed={**rows, "largest_index": bound},
    )
