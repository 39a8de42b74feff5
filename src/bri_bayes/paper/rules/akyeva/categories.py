"""Do the numbers of Table 1 add up, carry the text, and fit Table 2?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import median

from bri_bayes.paper.finding import Finding
from bri_bayes.paper.intervals import Interval
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.tables import Published

TOTAL, TRADE, SHARE = "total", "trade_10000_usd", "share_pct"
EARLIER, LATER = "growth_2003_2012_pct", "growth_2013_2023_pct"
# Table 1 is in units of 10,000 US dollars.
UNIT_USD = 1e4


def _column(published: Published, column: str) -> dict[str, Printed]:
    """A column of Table 1 by category, without the total."""
    keys = [key for key in published.descriptives if key[0] == 1 and key[3] == column and key[1] != TOTAL]
    return {row: published.descriptives[table, row, sample, column].number for table, row, sample, column in keys}


def category_arithmetic(published: Published) -> Iterator[Finding]:
    """Do trade and shares of the categories add up to the total, and are shares trade over total?

    Each number may be off by half a unit in its last digit, a sum of n of them by n halves.
    """
    trade, share = _column(published, TRADE), _column(published, SHARE)
    total = published.descriptive(1, TOTAL, TRADE)
    wrong: dict[str, str] = {}
    for name, column in ((TRADE, trade), (SHARE, share)):
        stated = published.descriptive(1, TOTAL, name)
        added = sum((Interval.of(number) for number in column.values()), Interval(0.0, 0.0))
        if not added.meets(Interval.of(stated)):
            wrong[f"Table 1 {TOTAL} {name}"] = f"the categories add to {added.middle:g}, the total is {stated}"
    for category, number in trade.items():
        ratio = Interval.of(100.0) * Interval.of(number) / Interval.of(total)
        if not ratio.meets(Interval.of(share[category])):
            wrong[f"Table 1 {category} {SHARE}"] = f"the share is {ratio.middle:.1f}% and not {share[category]}%"
    for label, sentence in wrong.items():
        yield Finding(
            id="category-arithmetic",
            severity="contradiction",
            claim="Table 1 gives trade by category, its shares and its total.",
            finding=f"{label}: {sentence}.",
            cells=(label,),
        )


def category_ranking(published: Published) -> Iterator[Finding]:
    """Are the categories that the text calls large and fast growing above the median of all, and the slow ones below?

    Ranks over the categories of Table 1, by average trade and by growth since 2013.
    """
    main = published.statement("main_categories").words
    slow = published.statement("slow_categories").words
    for column, sentence, kind in (
        (TRADE, "have large average trade", "trade"),
        (LATER, "grow fast after the initiative", "growth"),
    ):
        values = {category: number.value for category, number in _column(published, column).items()}
        low = [category for category in main if values[category] < median(values.values())]
        if low:
            yield _rank(kind, f"{', '.join(main)} {sentence}", low, column, values)
    growth = {category: number.value for category, number in _column(published, LATER).items()}
    high = [category for category in slow if growth[category] > median(growth.values())]
    if high:
        yield _rank("slow", f"{', '.join(slow)} grow slowly", high, LATER, growth)


def _rank(kind: str, claim: str, wrong: list[str], column: str, values: Mapping[str, float]) -> Finding:
    order = sorted(values, key=lambda category: -values[category])
    ranks = {category: order.index(category) + 1 for category in wrong}
    sentence = " and ".join(
        f"{category} is number {rank} of {len(order)}, with {values[category]:g}, behind {', '.join(order[: rank - 1])}"
        for category, rank in ranks.items()
    )
    return Finding(
        id=f"category-ranking-{kind}",
        severity="contradiction",
        claim=f"{claim} (section 3(3)).",
        finding=f"In Table 1 {sentence}.",
        cells=tuple(f"Table 1 {category} {column}" for category in wrong),
        computed={"rank": ranks, "values": dict(values)},
    )


def trade_of_two_tables(published: Published) -> Iterator[Finding]:
    """Is the trade of Table 1 as large as Table 2 needs?

    Table 2 has the mean of log exports of treated rows before the policy. By Jensen the mean of exports is at least its
    exponential, so the stated group exports at least as many times that a year; Table 1 has the average of exports and
    imports together over all years, in which trade only grew.
    """
    total = published.descriptive(1, TOTAL, TRADE).value * UNIT_USD
    treated = published.statement("treated_countries").value
    mean_log = published.descriptive(2, "export_size_log", "treated_mean", "before").value
    least = treated * math.exp(mean_log)
    grew = all(number.value > 0 for column in (EARLIER, LATER) for number in _column(published, column).values())
    if least <= total or not grew:
        return
    yield Finding(
        id="trade-of-two-tables",
        severity="unclear",
        claim="Table 1 has the average trade of China with the five countries in 10,000 US dollars, Table 2 the "
        "mean of log exports; trade is in US dollars (section 3(2)).",
        finding=f"Table 2 needs exports of at least {least / 1e6:,.0f} million dollars a year to the {treated:g} "
        f"countries before 2013, and Table 1 has {total / 1e6:,.0f} million of exports and imports together over "
        "all years; a total per country, or another currency unit, would settle it.",
        cells=("Table 1 total trade_10000_usd", "Table 2 export_size_log before treated_mean"),
        computed={"least_usd": least, "table_1_usd": total, "ratio": least / total},
    )


def growth_of_two_tables(published: Published) -> Iterator[Finding]:
    """Can exports before the policy have grown faster than every category of trade?

    The growth of a total is a mean of the growth of its parts, weighted by their shares, so it is at most the largest.
    """
    fastest = max(_column(published, EARLIER).items(), key=lambda item: item[1].value)
    growth = published.descriptive(2, "export_growth", "treated_mean", "before")
    if growth.interval[0] * 100 <= fastest[1].interval[1]:
        return
    yield Finding(
        id="growth-of-two-tables",
        severity="unclear",
        claim="Table 1 has growth by category before 2013, Table 2 the mean growth of exports of the treated "
        "group then.",
        finding=f"Exports grow by {growth.value:.1%} in Table 2, faster than the fastest category of Table 1 "
        f"({fastest[0]}, {fastest[1]}%); imports, or a mean over countries without weights, would have to "
        "explain it.",
        cells=("Table 2 export_growth before treated_mean", f"Table 1 {fastest[0]} {EARLIER}"),
        computed={"table_2_pct": growth.value * 100, "fastest_pct": fastest[1].value},
    )
