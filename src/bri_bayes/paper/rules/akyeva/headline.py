"""Does the paper's headline hold in its own tables, and does the text say what the cells say?"""

from __future__ import annotations

from collections.abc import Iterator

from bri_bayes.paper.finding import Finding
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.records import Cell
from bri_bayes.paper.rules.akyeva.basis import BRI, fake_onsets, headlines
from bri_bayes.paper.rules.basis import Z_90, labels, same_rows, t_of, two_sided
from bri_bayes.paper.tables import Published

# A cell that lies so close, in standard errors, to the same cell of another outcome looks like a copy of it.
COPIED = 0.1
# A covariate that moves by more than this many of its standard errors when a dummy or two change has moved.
MOVED = 2.0


def headline_without_star(published: Published) -> Iterator[Finding]:
    """Has every effect that the text calls significant a star in its table?

    A bare cell of a table that prints its levels would contradict the text. This one prints none, and its stars begin
    somewhere between the largest bare and the smallest starred t: a table in which * means 1% leaves an effect bare
    that is significant at 5%.
    """
    bare = [cell for main in headlines(published) if not (cell := published.cell(*main.key, "BRI")).stars]
    if not bare:
        return
    statement = published.statement("outcomes_of_the_tables")
    cell = bare[0]
    yield Finding(
        id="headline-without-star",
        severity="unclear",
        claim="Exports and imports both rise significantly, also with all controls and effects (section "
        f"{statement.section}).",
        finding=f"{cell.label} is {cell.estimate} ({cell.se}), t = {cell.t:.2f}, p = {two_sided(cell.t):.4f}, "
        "and has no star: the text stands if * means 1% in its table, and not if it means 10%; a legend under "
        "the table would settle it.",
        cells=labels(bare),
        computed={each.label: {"t": each.t, "p_normal": two_sided(each.t)} for each in bare},
    )


def numbers_of_the_text(published: Published) -> Iterator[Finding]:
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
    for statement, cell in wrong:
        yield Finding(
            id=f"text-{statement.id.replace('_', '-')}",
            severity="contradiction",
            claim=f"The text quotes {statement.number or ''}{''.join(statement.words)} (section {statement.section}).",
            finding="No table has the coefficient."
            if cell is None
            else f"{cell.label} is {cell.estimate}{'*' * cell.stars} with t = {cell.t:.2f}.",
            cells=() if cell is None else (cell.label,),
            computed={} if cell is None else {"t": cell.t, "p_normal": two_sided(cell.t)},
        )


def _first(published: Published, outcome: str, variable: str) -> Cell | None:
    """The first cell of a variable among the columns of an outcome."""
    for regression in published.regressions():
        if regression.outcome == outcome and variable in regression.variables:
            return published.cell(*regression.key, variable)
    return None


def matching_estimates(published: Published) -> Iterator[Finding]:
    """Do the PSM-DID ranges of the text contain the estimate of the matched table, and are they significant?

    A table of the matched sample has the estimate of a matching method, so it lies in the range over all methods. The
    text prints no standard errors; the lowest estimate is significant at 10% only if its own is below its value / 1.64,
    and the standard errors printed for the same effect show whether that holds.
    """
    for main in headlines(published):
        cell = published.cell(*main.key, "BRI")
        low, high = (published.statement(f"psm_{main.outcome.removeprefix('ln')}_{end}") for end in ("low", "high"))
        if low.number is None or high.number is None:
            continue
        inside = low.number.interval[0] <= cell.estimate.value <= high.number.interval[1]
        if main.sample == "matched" and not inside:
            yield _outside(cell, low.number, high.number)
        cells = [cell, *(published.cell(*fake.key, "BRI") for fake in fake_onsets(published, main.outcome))]
        statistics = {each.label: low.value / each.se.value for each in cells}
        if min(statistics.values()) < Z_90:
            yield _significance(cells, low.number, statistics)


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
        f"and {statistics[least]:.2f} with that of {least}; 10% needs one below {low.value / Z_90:.4f}.",
        cells=labels(cells),
        computed={"t": statistics, "largest_se": low.value / Z_90},
    )


def covariates_that_move(published: Published) -> Iterator[Finding]:
    """Do covariates keep their coefficients when an unrelated pair of regressors is added?

    The move of each covariate from the short to the long column, in the larger of its two standard errors. Two
    regressors with |t| of 3.3 and 1.3 that are not nearly collinear with a covariate move it by less.
    """
    moves: dict[Cell, tuple[Cell, float]] = {}
    for main in headlines(published):
        for long in published.regressions():
            if long.outcome != main.outcome or not set(main.regressors) < set(long.regressors):
                continue
            for name in (covariate for covariate in main.variables if covariate != BRI):
                main_cell, cell = published.cell(*main.key, name), published.cell(*long.key, name)
                move = abs(cell.estimate.value - main_cell.estimate.value) / max(main_cell.se.value, cell.se.value)
                if move > MOVED and same_rows(published, main, long):
                    moves[cell] = (main_cell, move)
    if not moves:
        return
    sentence = "; ".join(
        f"{main_cell.label} {main_cell.estimate} to {cell.estimate}" for cell, (main_cell, _) in moves.items()
    )
    tables = sorted({cell.table for cell in moves})
    yield Finding(
        id="covariates-that-move",
        severity="unclear",
        claim=f"Table {', '.join(map(str, tables))} adds inequality to the headline specification.",
        finding=f"Covariates that are not about inequality move by more than {MOVED:g} standard errors "
        f"({sentence}); a table on one set of rows, with and without the two regressors, would settle it.",
        cells=labels(each for cell, (main_cell, _) in moves.items() for each in (main_cell, cell)),
        computed={
            cell.label: {"from": main_cell.label, "standard_errors": move} for cell, (main_cell, move) in moves.items()
        },
    )


def copied_cells(published: Published) -> Iterator[Finding]:
    """Does a placebo column show another outcome's covariate in place of its own?

    A placebo column keeps covariates and rows, so they stay near those of the main column. One that leaves them and
    lies on the main column of the other outcome, estimate and standard error, looks like a copy.
    """
    copies: dict[Cell, tuple[Cell, Cell]] = {}
    mains = headlines(published)
    for main in mains:
        for fake in fake_onsets(published, main.outcome):
            for name in set(main.variables) & set(fake.regressors):
                main_cell, cell = published.cell(*main.key, name), published.cell(*fake.key, name)
                moved = abs(cell.estimate.value - main_cell.estimate.value) / main_cell.se.value
                for other in (published.cell(*column.key, name) for column in mains if column.outcome != main.outcome):
                    if moved > MOVED and _is_copy(cell, other):
                        copies[cell] = (main_cell, other)
    for cell, (main_cell, other) in copies.items():
        yield Finding(
            id=f"copied-{cell.table}-{cell.column}-{cell.variable}",
            severity="unclear",
            claim=f"{cell.label} is {cell.estimate} ({cell.se}).",
            finding=f"{cell.label}, {cell.estimate} ({cell.se}), is far from {main_cell.label}, "
            f"{main_cell.estimate} ({main_cell.se}), "
            f"and on top of {other.label}, {other.estimate} ({other.se}), of the other outcome: a line may have been "
            "copied; the output of the regression would settle it.",
            cells=labels((cell, main_cell, other)),
            computed={
                "from_own": (cell.estimate.value - main_cell.estimate.value) / main_cell.se.value,
                "from_other": (cell.estimate.value - other.estimate.value) / other.se.value,
                "se_to_other": cell.se.value / other.se.value,
            },
        )


def _is_copy(cell: Cell, other: Cell) -> bool:
    near = abs(cell.estimate.value - other.estimate.value) < COPIED * other.se.value
    return near and abs(cell.se.value / other.se.value - 1) < COPIED
