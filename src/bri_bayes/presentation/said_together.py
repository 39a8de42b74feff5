"""Which sentences about several outcomes are one sentence?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bri_bayes.presentation.sentences import listed

# A source that is a column of a table.
_COLUMN = re.compile(r"(.*? )column (\(\d+\))(.*)")
_SHARE = re.compile(r"(\d+%)")


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


def of_all_or_each(by_outcome: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """The sentences of each label: once where all have it, else with the label. One that differs in a share alone has
    the shares in the order of the outcomes.
    """
    said = []
    for label, texts in by_outcome:
        for text in texts:
            alike = [other for _, others in by_outcome for other in others if _around(other) == _around(text)]
            shares = dict.fromkeys(share for other in alike for share in _SHARE.findall(other)[:1])
            together = listed(shares).join(_around(text)) if shares else text
            said.append(together if len(alike) == len(by_outcome) else f"{label}: {text[0].lower()}{text[1:]}")
    return list(dict.fromkeys(said))


def _around(text: str) -> list[str]:
    """What stands before and after the first share."""
    return _SHARE.split(text, maxsplit=1)[::2]
