"""Do the stars say what t = estimate / standard error says?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import permutations
from statistics import NormalDist

from bri_bayes.paper.finding import Finding
from bri_bayes.paper.records import Cell
from bri_bayes.paper.rules.basis import labels, t_of
from bri_bayes.paper.tables import Published


def star_convention(published: Published) -> Iterator[Finding]:
    """Does every table follow the legend that is printed?

    A cell breaks it if no t that the rounding allows has the printed number of stars: |t| above the points of the
    standard normal (thousands of degrees of freedom) at the levels of the legend. For the tables that break it, the
    lowest t with a star and the highest without bound their own threshold.
    """
    points = [-NormalDist().inv_cdf(level / 2) for level in published.star_levels]
    broken: dict[int, list[Cell]] = defaultdict(list)
    for cell in published.cells.values():
        t = t_of(cell)
        if not sum(t.low > point for point in points) <= cell.stars <= sum(t.high > point for point in points):
            broken[cell.table].append(cell)
    legend = ", ".join(f"{'*' * (at + 1)} p < {level:g}" for at, level in enumerate(published.star_levels))
    for table, cells in broken.items():
        every = _of_table(published, table)
        plain = max((t_of(cell).middle for cell in every if not cell.stars), default=0.0)
        starred = [t_of(cell).middle for cell in every if cell.stars]
        least, most = min(starred, default=float("inf")), max(starred, default=float("inf"))
        kinds = " or ".join(sorted({"*" * cell.stars for cell in every if cell.stars})) or "no star"
        yield Finding(
            id=f"stars-of-table-{table}",
            severity="contradiction",
            claim=f"{legend} ({published.place_of_legend}).",
            finding=f"Table {table} breaks the legend in {len(cells)} of {len(every)} cells: it marks t "
            f"from {least:.1f} to {most:.0f} with {kinds} and leaves t = {plain:.2f} bare, so its own threshold lies "
            f"between {plain:.2f} and {least:.2f}.",
            cells=labels(cells),
            computed={"cells": len(cells), "highest_t_bare": plain, "lowest_t_starred": least},
        )


def star_order(published: Published) -> Iterator[Finding]:
    """Can any legend give the stars of a table?

    Whatever the levels, a larger |t| has at least as many stars. A pair breaks this beyond rounding.
    """
    for table in dict.fromkeys(cell.table for cell in published.cells.values()):
        pairs = [
            (more, fewer)
            for more, fewer in permutations(_of_table(published, table), 2)
            if more.stars > fewer.stars and t_of(more).high < t_of(fewer).low
        ]
        if pairs:
            more, fewer = max(pairs, key=lambda pair: t_of(pair[1]).middle - t_of(pair[0]).middle)
            yield Finding(
                id=f"star-order-of-table-{table}",
                severity="contradiction",
                claim=f"The stars of Table {table} mark significance.",
                finding=f"{more.label} has t = {more.t:.2f} and {'*' * more.stars}, {fewer.label} has "
                f"t = {fewer.t:.2f} and {'*' * fewer.stars or 'none'}: no levels give both.",
                cells=labels(cell for pair in pairs for cell in pair),
                computed={"pairs": len(pairs), "t_of_more_stars": more.t, "t_of_fewer_stars": fewer.t},
            )


def _of_table(published: Published, table: int) -> list[Cell]:
    return [cell for cell in published.cells.values() if cell.table == table]
