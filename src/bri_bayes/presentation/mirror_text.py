"""What does ``bri-bayes mirror`` answer, and print? The effect by either report and by both, and how noisy each is."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result, Value
from bri_bayes.data.comparable import listed
from bri_bayes.inference.two_reports import ReportNoise
from bri_bayes.presentation.study_tables import provenance
from bri_bayes.presentation.table_spec import Column, Table, effect_columns
from bri_bayes.presentation.terminal_table import WIDTH, terminal_text

_COLUMNS = (
    Column("reports", "by", "name"),
    *effect_columns(),
    Column("rows", "rows", "count"),
    Column("noise", "noise sd", "number", digits=3),
)


@dataclass(frozen=True)
class ReportAnswer(Result):
    """The effect by ``reports``, one or both, on their ``rows``; ``noise`` : of one, with both None."""

    reports: str
    att: Effect
    rows: int
    noise: ReportNoise | None


@dataclass(frozen=True)
class MirrorAnswer(Result):
    """By the first report, by the second, and by both; ``panel`` : what every JSON says of it."""

    panel: Mapping[str, Value]
    card: str
    treated: Sequence[str]
    khat: float
    rows: Sequence[ReportAnswer]
    notes: Sequence[str]


def mirror_text(answer: MirrorAnswer) -> str:
    """The answer of ``bri-bayes mirror`` as text."""
    rows = tuple(
        {
            **row.att.as_dict(),
            "reports": row.reports,
            "rows": row.rows,
            "noise": None if row.noise is None else row.noise.mean,
        }
        for row in answer.rows
    )
    table = Table("mirror", "The effect on the flow that both reports are of", _COLUMNS, rows, panel=answer.panel)
    said = (
        f"Effect on {listed(answer.treated)}, log points, 95% intervals. "
        f"{provenance({'panel': answer.panel}).rstrip('.')}. "
        + " ".join(
            f"Noise of {row.reports}: sd {row.noise.mean:.3f} ({row.noise.lower:.3f} to {row.noise.upper:.3f})."
            for row in answer.rows
            if row.noise is not None
        )
        + " What lasts between the reports for a unit, or changes for all in a year, is no noise."
    )
    notes = [textwrap.fill(f"Note: {note}", WIDTH) for note in answer.notes]
    return "\n\n".join([textwrap.fill(said, WIDTH), terminal_text(table), *notes])
