"""How does a table fit a terminal? Minor columns go, then long text wraps, then the last columns go; a line says so."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from bri_bayes.presentation.cells import Grid, grid, readable
from bri_bayes.presentation.table_spec import Column, Table

WIDTH = 80
ROWS = 40
_GAP = 2
_NARROWEST = 18


def terminal_text(table: Table, *, width: int = WIDTH, rows: int = ROWS) -> str:
    """The caption, the rows under their headings, what was left out, the notes; no line is longer than ``width``."""
    groups, shown = grid(table).grouped()
    caption = ". ".join(part for part in (readable(table.caption).rstrip("."), table.alarm) if part)
    kept = columns_that_fit(shown, width)
    lines = [*textwrap.wrap(caption, width), *_lines(shown, kept, groups[:rows], width)]
    hidden = shown.hidden(table, kept)
    omitted = [f"{len(shown.rows) - rows} rows more"] if len(shown.rows) > rows else []
    omitted += [f"the columns {', '.join(hidden)}"] if hidden else []
    said = [f"Not shown: {' and '.join(omitted)}; --json has all."] if omitted else []
    for text in (*said, *(readable(note) for note in shown.notes)):
        lines += textwrap.wrap(text, width)
    return "\n".join(lines)


def columns_that_fit(shown: Grid, width: int) -> dict[int, int]:
    """The width of each column that is kept."""
    kept = list(range(len(shown.columns)))
    minor = [at for at in kept if shown.columns[at].minor]
    while minor and sum(_natural(shown, at) + _GAP for at in kept) - _GAP > width:
        kept.remove(minor.pop())
    while True:
        widths = {at: _natural(shown, at) for at in kept}
        least = {at: _least(shown, at) for at in kept}
        while (excess := sum(widths.values()) + _GAP * (len(kept) - 1) - width) > 0:
            widest = max(kept, key=lambda at: widths[at] - least[at])
            if widths[widest] <= least[widest]:
                break
            widths[widest] -= 1  # each gives what it can spare: a long heading wraps before a text does in a sliver
        if excess <= 0 or len(kept) == 1:
            return {at: min(size, width) for at, size in widths.items()}
        kept.pop()


def _natural(shown: Grid, at: int) -> int:
    return max([len(shown.columns[at].heading), *(len(row[at].text) for row in shown.rows)])


def _least(shown: Grid, at: int) -> int:
    """A number is never broken; text may be, and a heading is, between words."""
    column = shown.columns[at]
    heading = max(len(word) for word in unbroken(column.heading).split(" "))
    words = [cell for row in shown.rows for cell in ([row[at].text] if column.is_numeric else row[at].text.split())]
    longest = max((len(word) for word in words), default=1)
    return max(heading, longest if column.is_numeric else min(longest, _NARROWEST))


def _lines(shown: Grid, kept: dict[int, int], groups: Sequence[str], width: int) -> list[str]:
    columns = [shown.columns[at] for at in kept]
    sizes = list(kept.values())
    lines = _wrapped([unbroken(column.heading) for column in columns], columns, sizes)
    lines.append("  ".join("-" * size for size in sizes))
    before = ""
    for group, row in zip(groups, shown.rows, strict=False):
        lines += textwrap.wrap(group, width) if group != before else []
        lines += _wrapped([row[at].text for at in kept], columns, sizes)
        before = group
    return lines


def unbroken(heading: str) -> str:
    """A heading that does not break inside P(> 0)."""
    return heading.replace("(> ", "(>\u00a0").replace("(< ", "(<\u00a0")


def _wrapped(texts: Sequence[str], columns: Sequence[Column], sizes: Sequence[int]) -> list[str]:
    cells = [textwrap.wrap(text, size) or [""] for text, size in zip(texts, sizes, strict=True)]
    lines = []
    for number in range(max(len(cell) for cell in cells)):
        pieces = [
            f"{piece:>{size}}" if column.is_numeric else f"{piece:<{size}}"
            for column, size, cell in zip(columns, sizes, cells, strict=True)
            for piece in [cell[number] if number < len(cell) else ""]
        ]
        lines.append("  ".join(pieces).rstrip())
    return lines
