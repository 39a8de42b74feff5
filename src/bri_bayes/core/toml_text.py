"""How is a study or a card written? Mappings as TOML with every text quoted, so that none can be anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def toml_text(content: Mapping[str, Any]) -> str:
    """Nested mappings as TOML; every text and name is quoted, so that none can be anything but text."""
    lines: list[str] = []
    _write(content, (), lines)
    return "\n".join(lines).lstrip("\n") + "\n"


def _write(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    values = {name: value for name, value in table.items() if value is not None}
    inner = {name: value for name, value in values.items() if isinstance(value, Mapping)}
    if path and len(inner) < len(values):
        lines += ["", f"[{'.'.join(map(toml_key, path))}]"]
    lines += [f"{toml_key(name)} = {toml_value(value)}" for name, value in values.items() if name not in inner]
    for name, value in inner.items():
        _write(value, (*path, name), lines)


def toml_key(name: str) -> str:
    """A name as a bare or a quoted key."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_value(name)


def toml_value(value: Any) -> str:
    """A text, number, truth value or list of them."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
