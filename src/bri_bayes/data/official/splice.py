"""How do two revisions of the SITC become one series of years, and what does the change of revision move?

Where both revisions cover a year the later one counts; nothing is rescaled. The years of overlap say, group by group,
what the change of classification alone does to a flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bri_bayes.data.official.comtrade import FLOWS, TradeRow
from bri_bayes.data.official.sources import ComtradeTable

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["iso3", "year", "flow", "group"]


@dataclass(frozen=True, eq=False)
class SplicedTrade:
    """Trade by partner, year, flow and group.

    ``groups`` : the columns of ``KEYS``, ``value_usd`` (0: other groups of this partner, year and flow have a row and
    this one has none) and ``classification``; a partner, year and flow without any row is not there: it is missing.
    ``overlap`` : a row a group, flow and year of overlap with the sums under both revisions and their ratio.
    ``predecessors`` : the same columns as ``groups``, of states that ended.
    """

    groups: pd.DataFrame
    overlap: pd.DataFrame
    predecessors: pd.DataFrame


def spliced(rows: Sequence[TradeRow], table: ComtradeTable) -> SplicedTrade:
    """Splice the rows of both revisions."""
    import pandas as pd

    columns = ["classification", *KEYS, "value"]
    frame = pd.DataFrame([tuple(getattr(row, name) for name in columns) for row in rows], columns=columns)
    frame = frame.astype({"year": int, "value": float})
    earlier, later = table.classifications
    counted = np.where(frame["year"] >= later.years[0], later.code, earlier.code)
    kept = _with_zeros(frame[frame["classification"] == counted], list(table.groups))
    ended = kept["iso3"].isin(table.predecessors)
    return SplicedTrade(
        kept[~ended].reset_index(drop=True),
        _overlap(frame[~frame["iso3"].isin(table.predecessors)], table),
        kept[ended].reset_index(drop=True),
    )


def _with_zeros(frame: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """Every group of a partner, year and flow that has at least one: those without a row were not traded."""
    keys = ["iso3", "year", "flow", "classification"]
    wide = frame.pivot(index=keys, columns="group", values="value").reindex(columns=groups)
    long = wide.fillna(0.0).stack().rename("value_usd").rename_axis([*keys, "group"]).reset_index()
    return long[[*KEYS, "value_usd", "classification"]].sort_values(KEYS, ignore_index=True)


def _overlap(frame: pd.DataFrame, table: ComtradeTable) -> pd.DataFrame:
    """Sums over the partners that both revisions have, their ratio, and the partner that differs most (in logs)."""
    import pandas as pd

    earlier, later = table.classifications
    both = range(later.years[0], earlier.years[1] + 1)
    wide = frame[frame["year"].isin(both)].pivot(index=KEYS, columns="classification", values="value")
    wide = wide.reindex(columns=[earlier.code, later.code])
    parts = {key: part.droplevel(["year", "flow", "group"]) for key, part in wide.groupby(["group", "flow", "year"])}
    nothing = wide.iloc[:0].droplevel(["year", "flow", "group"])
    lines = []
    for flow in FLOWS.values():
        for group in table.groups:
            for year in both:
                part = parts.get((group, flow, year), nothing)
                pairs = part.dropna()
                before, after = float(pairs[earlier.code].sum()), float(pairs[later.code].sum())
                positive = pairs[(pairs > 0).all(axis=1)]
                change = np.log(positive[later.code] / positive[earlier.code])
                lines.append(
                    {
                        "group": group,
                        "flow": flow,
                        "year": year,
                        f"{earlier.code}_usd": before,
                        f"{later.code}_usd": after,
                        "ratio": after / before if before > 0 else np.nan,
                        "partners_in_both": len(pairs),
                        "partners_in_one": len(part) - len(pairs),
                        "largest_log_change": float(change.abs().max()) if len(change) else np.nan,
                        "partner_of_it": str(change.abs().idxmax()) if len(change) else "",
                    }
                )
    return pd.DataFrame(lines)
