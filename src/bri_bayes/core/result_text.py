"""How does a typed result read at a prompt, and in a notebook? In short as text, in tables as HTML."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

# A collection with more entries is counted, not listed; a table in a notebook has at most so many rows.
MOST_LISTED, MOST_ROWS = 3, 60


def short_text(result: Any) -> str:
    """The fields of a result as Python writes them, but collections counted and numbers inside in four digits."""
    shown = (f"{name}={repr(value) if _is_plain(value) else _short(value)}" for name, value in _fields(result))
    return f"{type(result).__name__}({', '.join(shown)})"


def html_text(result: Any) -> str:
    """A table of the fields, and one behind a click for each list of records."""
    fields = list(_fields(result))
    records = {name: rows for name, value in fields if (rows := _records(value))}
    single = [(name, _cell(value)) for name, value in fields if name not in records]
    lines = "".join(f"<tr><th>{_words(name)}</th><td>{escape(text)}</td></tr>" for name, text in single)
    tables = "".join(_record_table(name, rows) for name, rows in records.items())
    return f"<div><b>{escape(type(result).__name__)}</b><table>{lines}</table>{tables}</div>"


def _fields(result: Any) -> Iterable[tuple[str, Any]]:
    return ((field.name, getattr(result, field.name)) for field in dataclasses.fields(result) if field.repr)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if dataclasses.is_dataclass(value):
        inner = ", ".join(f"{name}={_short(field)}" for name, field in _fields(value))
        return f"{type(value).__name__}({inner})"
    if isinstance(value, Sequence | Mapping) and not isinstance(value, str):
        return _collection(value)
    return repr(value)


def _collection(value: Sequence[Any] | Mapping[Any, Any]) -> str:
    """Few entries as Python writes them, of many their number and their class."""
    entries = list(value.values()) if isinstance(value, Mapping) else list(value)
    if len(entries) > MOST_LISTED:
        return f"<{len(entries)} of {type(entries[0]).__name__}>"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name!r}: {_short(entry)}" for name, entry in value.items()) + "}"
    return f"[{', '.join(map(_short, entries))}]"


def _records(value: Any) -> list[dict[str, Any]]:
    """The rows of a list, or of a mapping, of records; empty where it is none."""
    if isinstance(value, Mapping):
        rows = [{"": name, **_as_record(entry)} for name, entry in value.items() if _as_record(entry)]
        return rows if len(rows) == len(value) else []
    if isinstance(value, Sequence) and not isinstance(value, str):
        rows = [_as_record(entry) for entry in value]
        return rows if all(rows) else []
    return []


def _as_record(value: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(value):
        return dict(_fields(value))
    return {str(name): entry for name, entry in value.items()} if isinstance(value, Mapping) else {}


def _record_table(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    columns = [
        key for key in dict.fromkeys(key for row in rows for key in row) if any(_cell(row.get(key)) for row in rows)
    ]
    head = "".join(f"<th>{_words(key)}</th>" for key in columns)
    lines = "".join(
        f"<tr>{''.join(f'<td>{escape(_cell(row.get(key)))}</td>' for key in columns)}</tr>" for row in rows[:MOST_ROWS]
    )
    more = f" (the first {MOST_ROWS})" if len(rows) > MOST_ROWS else ""
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    return f"<details><summary>{_words(name)}: {len(rows)} rows{more}</summary>{body}</details>"


def _cell(value: Any) -> str:
    """A number in three digits, an effect as its mean with its interval, nothing for what is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    if all(hasattr(value, name) for name in ("mean", "lower", "upper")):
        return f"{value.mean:.3g} [{value.lower:.3g}, {value.upper:.3g}]"
    return str(value) if _is_plain(value) else _short(value)


def _words(name: str) -> str:
    return escape(name.replace("_", " "))
