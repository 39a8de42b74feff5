"""Do the stars say what t = estimate / standard error says, and does the text say what the cells say?"""

from __future__ import annotations

from collections import defaultdict

from bri_bayes.paper.finding import Finding
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.records import Cell
from bri_bayes.paper.rules.basis import fake_onsets, headlines, labels, t_of, two_sided
from bri_bayes.paper.tables import Published

# The legend under Table 2, the only one that is printed: * p < 0.1, ** p < 0.05, *** p < 0.01, as points of the
# standard normal (thousands of degrees of freedom).
LEGEND = (1.644854, 1.959964, 2.575829)


def star_convention(published: Published) -> list[Finding]:
    """Does every table follow the legend that is printed?

    A cell breaks it if no t that the rounding allows has the printed number of stars: |t| above 1.64, 1.96 and 2.58
    is one, two and three. For the tables that break it, the lowest t with a star and the highest without bound their
    own threshold.
    """
    broken: dict[int, list[Cell]] = defaultdict(list)
    tables: dict[int, list[Cell]] = defaultdict(list)
    for cell in published.cells.values():
        tables[cell.table].append(cell)
        t = t_of(cell)
        if not sum(t.low > bound for bound in LEGEND) <= cell.stars <= sum(t.high > bound for bound in LEGEND):
            broken[cell.table].append(cell)
    found = []
    for table, cells in broken.items():
        plain = max((t_of(cell).middle for cell in tables[table] if not cell.stars), default=0.0)
        starred = [cell for cell in tables[table] if cell.stars]
        least = min(t_of(cell).middle for cell in starred) if starred else float("inf")
        most = max(t_of(cell).middle for cell in starred) if starred else float("inf")
        kinds = sorted({"*" * cell.stars for cell in starred})
        found.append(
            Finding(
                id=f"stars-of-table-{table}",
                severity="contradiction",
                claim="* p < 0.1, ** p < 0.05, *** p < 0.01 (the legend under Table 2, the only one printed).",
                finding=f"Table {table} breaks the legend in {len(cells)} of {len(tables[table])} cells: it marks t "
                f"from {least:.1f} to {most:.0f} with {' or '.join(kinds)} and leaves t = {plain:.2f} bare, so its own "
                f"threshold lies between {plain:.2f} and {least:.2f}.",
                cells=labels(cells),
                computed={"cells": len(cells), "highest_t_bare": plain, "lowest_t_starred": least},
            )
        )
    return found


def headline_without_star(published: Published) -> list[Finding]:
    """Has every effect that the text calls significant a star in its table?

    A bare cell of a table that prints its levels would contradict the text. This one prints none, and its stars begin
    somewhere between the largest bare and the smallest starred t: a table in which * means 1% leaves an effect bare
    that is significant at 5%.
    """
    bare = [cell for main in headlines(published) if not (cell := published.cell(*main.key, "BRI")).stars]
    if not bare:
        return []
    statement = published.statement("outcomes_of_the_tables")
    cell = bare[0]
    return [
        Finding(
            id="headline-without-star",
            severity="unclear",
            claim="Exports and imports both rise significantly, also with all controls and effects (section "
            f"{statement.section}).",
            finding=f"{cell.label} is {cell.estimate} ({cell.se}), t = {cell.t:.2f}, p = {two_sided(cell.t):.4f}, "
            "and has no star: the text stands if * means 1% in its table, and not if it means 10%; a legend under "
            "the table would settle it.",
            cells=labels(bare),
            computed={one.label: {"t": one.t, "p_normal": two_sided(one.t)} for one in bare},
        )
    ]


def numbers_of_the_text(published: Published) -> list[Finding]:
    """Are the coefficients that the text quotes those of the tables, with the significance that it gives them?

    Each quoted number is compared with its cell digit by digit; a quoted level of 5% needs |t| > 1.96.
    """
    quoted = {
        "flow_effect": _first(published, "flow", "BRI"),
        "interaction_export": _first(published, "lnexport", "BRI_x_inequality"),
        "interaction_import": _first(published, "lnimport", "BRI_x_inequality"),
    }
    wrong = []
    for name, cell in quoted.items():
        statement = published.statement(name)
        stars = sum(word.count("*") for word in statement.words)
        number = statement.number
        differs = number is None or cell is None or number.exact != cell.estimate.exact
        if cell is None or differs or (statement.words and stars != cell.stars):
            wrong.append((statement, cell))
    level = published.statement("flow_level").value / 100
    flow = quoted["flow_effect"]
    if flow is not None and two_sided(t_of(flow).high) > level:
        wrong.append((published.statement("flow_level"), flow))
    return [
        Finding(
            id=f"text-{statement.id.replace('_', '-')}",
            severity="contradiction",
            claim=f"The text quotes {statement.number or ''}{''.join(statement.words)} (section {statement.section}).",
            finding="No table has the coefficient."
            if cell is None
            else f"{cell.label} is {cell.estimate}{'*' * cell.stars} with t = {cell.t:.2f}.",
            cells=() if cell is None else (cell.label,),
            computed={} if cell is None else {"t": cell.t, "p_normal": two_sided(cell.t)},
        )
        for statement, cell in wrong
    ]


def _first(published: Published, outcome: str, variable: str) -> Cell | None:
    """The first cell of a variable among the columns of an outcome."""
    for regression in published.regressions():
        if regression.outcome == outcome and variable in regression.variables:
            return published.cell(*regression.key, variable)
    return None


def matching_estimates(published: Published) -> list[Finding]:
    """Do the PSM-DID ranges of the text contain the estimate of the matched table, and are they significant?

    A table of the matched sample has the estimate of a matching method, so it lies in the range over all methods. The
    text prints no standard errors; the lowest estimate is significant at 10% only if its own is below its value / 1.64,
    and the standard errors printed for the same effect show whether that holds.
    """
    found = []
    for main in headlines(published):
        cell = published.cell(*main.key, "BRI")
        low, high = (published.statement(f"psm_{main.outcome.removeprefix('ln')}_{end}") for end in ("low", "high"))
        if low.number is None or high.number is None:
            continue
        inside = low.number.interval[0] <= cell.estimate.value <= high.number.interval[1]
        if main.sample == "matched" and not inside:
            found.append(_outside(cell, low.number, high.number))
        cells = [cell, *(published.cell(*fake.key, "BRI") for fake in fake_onsets(published, main.outcome))]
        statistics = {one.label: low.value / one.se.value for one in cells}
        if min(statistics.values()) < LEGEND[0]:
            found.append(_significance(cells, low.number, statistics))
    return found


def _outside(cell: Cell, low: Printed, high: Printed) -> Finding:
    return Finding(
        id=f"psm-range-{cell.table}-{cell.column}",
        severity="unclear",
        claim=f"Whatever the matching method, the estimate lies in {low} to {high} (section 4(4)).",
        finding=f"{cell.label}, titled PSM-matched, is {cell.estimate}, outside the range: its sample is that of "
        "none of the three methods; the regressions behind the range would settle it.",
        cells=(cell.label, "section 4(4)"),
        computed={"low": low.value, "high": high.value, "estimate": cell.estimate.value},
    )


def _significance(cells: list[Cell], low: Printed, statistics: dict[str, float]) -> Finding:
    main = cells[0]
    least = min(statistics, key=lambda label: statistics[label])
    return Finding(
        id=f"psm-significance-{main.table}-{main.column}",
        severity="unclear",
        claim=f"Estimates from {low} on are significant at 5% or 10% (section 4(4)).",
        finding=f"No standard errors are printed: {low} has t = {statistics[main.label]:.2f} with that of {main.label} "
        f"and {statistics[least]:.2f} with that of {least}; 10% needs one below {low.value / LEGEND[0]:.4f}.",
        cells=labels(cells),
        computed={"t": statistics, "largest_se": low.value / LEGEND[0]},
    )
