"""What does ``bri-bayes mirror`` print? The effect by either report and by both, and how noisy each is."""

from __future__ import annotations

import textwrap

from bri_bayes.data.comparable import listed
from bri_bayes.presentation.study_tables import provenance
from bri_bayes.presentation.table_spec import Column, Table, Values, effect_columns
from bri_bayes.presentation.terminal_table import WIDTH, terminal_text

_COLUMNS = (
    Column("reports", "by", "name"),
    *effect_columns(),
    Column("rows", "rows", "count"),
    Column("noise", "noise sd", "number", digits=3),
)


def mirror_text(values: Values) -> str:
    """The values of ``bri-bayes mirror`` as text."""
    rows = tuple(
        {**row["att"], "reports": row["reports"], "rows": row["rows"], "noise": (row["noise"] or {}).get("mean")}
        for row in values["rows"]
    )
    table = Table("mirror", "The effect on the flow that both reports are of", _COLUMNS, rows, panel=values["panel"])
    noises = [(row["reports"], row["noise"]) for row in values["rows"] if row["noise"]]
    said = (
        f"Effect on {listed(values['treated'])}, log points, 95% intervals. {provenance(values).rstrip('.')}. "
        + " ".join(
            f"Noise of {name}: sd {noise['mean']:.3f} ({noise['lower']:.3f} to {noise['upper']:.3f})."
            for name, noise in noises
        )
        + " What lasts between the reports for a unit, or changes for all in a year, is no noise."
    )
    notes = [textwrap.fill(f"Note: {note}", WIDTH) for note in values["notes"]]
    return "\n\n".join([textwrap.fill(said, WIDTH), terminal_text(table), *notes])
