"""What does ``bri-bayes gravity`` print? Two rows a flow in log points and percent, and what a reader must know."""

from __future__ import annotations

import math
import textwrap

from bri_bayes.presentation.study_tables import provenance
from bri_bayes.presentation.table_spec import Column, Table, Values
from bri_bayes.presentation.terminal_table import WIDTH, terminal_text

_COLUMNS = (
    Column("flow", "flow", "name"),
    Column("judged", "judged by", "text"),
    *(Column(key, heading, "number", scale="effect") for key, heading in
      (("estimate", "effect"), ("se", "s.e."), ("lower", "2.5%"), ("upper", "97.5%"))),
    Column("percent", "percent", "number", digits=0),
    Column("p_value", "p", "p-value"),
)  # fmt: skip
_JUDGED = {"cluster_pair": "errors by pair", "placebo_partners": "other partners"}


def gravity_text(values: Values) -> str:
    """The values of ``bri-bayes gravity`` as text."""
    rows = tuple(
        {**row, "judged": _JUDGED[row["inference"]], "percent": 100 * math.expm1(row["estimate"])}
        for row in values["rows"]
    )
    table = Table(
        "gravity", "The effect on flows with the treated partners, PPML", _COLUMNS, rows, panel=values["panel"]
    )
    panel = values["panel"]
    said = (
        f"{provenance(values).rstrip('.')}. {panel['rows']:,} flows of {len(panel['units'])} countries, "
        f"{panel['periods'][0]} to {panel['periods'][-1]}. Effects are log points of the mean flow, given "
        "all that changes an exporter's or importer's trade with everybody in a year, and all that lasts between two "
        "countries."
    )
    notes = [f"Note: {row['flow']}: {row['note']}" for row in rows if row.get("note")]
    notes += [f"Note: {note}" for note in values["notes"]]
    return "\n\n".join(
        [textwrap.fill(said, WIDTH), terminal_text(table), *(textwrap.fill(f"{note}.", WIDTH) for note in notes)]
    )
