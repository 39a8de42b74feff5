"""How good are the high-technology products of an imported release of BACI? Columns of quality for the panel.

As published (Khandelwal, Schott & Wei 2013): product and country-year effects, sigma 5, the mean of a country and year
weighted by value. What that can tell, and what not: ``frequentist.product_quality``.
"""

from __future__ import annotations

import dataclasses

from bri_bayes.app.trade_and_inequality import QUALITY_COLUMNS, quality_of_flows
from bri_bayes.core.errors import InputError
from bri_bayes.data.official.files import KEYS, FileTable
from bri_bayes.data.trade import FLOWS
from bri_bayes.frequentist.product_quality import SIGMA


def with_quality(table: FileTable) -> FileTable:
    """The table with ``quality_exp`` and ``quality_imp`` where it has products with quantities, else as it is."""
    if table.products is None:
        return table
    frame, notes = table.frame, list(table.notes)
    for flow in FLOWS:
        rows, name = table.products[table.products["flow"] == flow], QUALITY_COLUMNS[flow]
        if rows.empty:
            continue
        try:
            measured = quality_of_flows(rows.astype({"unit": str}), [flow])
        except InputError as error:
            notes.append(f"no {name}: {error}")
            continue
        means = measured.frame.set_index(["unit", "period"]).rename_axis(KEYS)
        frame = frame.join(means[name])
        used = int(means[f"products_{flow}"].sum())
        notes.append(f"{name}: {used:,} rows of high technology, sigma {SIGMA:g}, {measured.units[name]}")
        notes += [f"{name}, {note}" for note in measured.notes]
    return dataclasses.replace(table, frame=frame, notes=tuple(notes), products=None)
