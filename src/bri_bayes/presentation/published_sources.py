"""Where do published estimates stand? Each source once, columns of one table together."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bri_bayes.presentation.sentences import listed

# A source that is a column of a table.
_COLUMN = re.compile(r"(.*? )column (\(\d+\))(.*)")


def merged_sources(sources: Sequence[str]) -> list[str]:
    """Sources once each; columns of one table that say nothing else together."""
    columns: dict[tuple[str, str], list[str]] = {}
    for source in dict.fromkeys(sources):
        parts = _COLUMN.fullmatch(source)
        before, column, after = parts.groups() if parts else (source, "", "")
        columns.setdefault((before, after), []).append(column)
    return [
        f"{before}column{'s' * (len(of_table) > 1)} {listed(of_table)}{after}" if of_table[0] else before
        for (before, after), of_table in columns.items()
    ]
