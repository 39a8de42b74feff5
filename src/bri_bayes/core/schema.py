"""How a TOML file becomes a checked object, with a message that names file, key and the nearest allowed word."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from os import SEEK_END
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from bri_bayes.core.errors import InputError, suggest

STRICT = ConfigDict(extra="forbid")
# A study with hundreds of units and variables has a twentieth of this.
MOST_BYTES = 1_000_000
MOST_INTEGER = 10**15 - 1
MOST_DEPTH = 50
# Those of C0 and C1 but tab and line feed, and what turns the direction of writing.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

# What people give in place of a study.
_TABLES = (".csv", ".tsv", ".txt")


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file, or one sentence about why it cannot be read."""
    try:
        with path.open("rb") as stream:
            if stream.seek(0, SEEK_END) > MOST_BYTES:
                raise InputError(f"{path}: is larger than {MOST_BYTES:,} bytes, more than a file of settings needs")
            stream.seek(0)
            content = tomllib.load(stream)
        _check(content, path)
        return content
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    except ValueError as error:
        if path.suffix.lower() in _TABLES:
            study = "bri-bayes init FOLDER --from FILE writes a study of it"
            raise InputError(f"{path}: is a table, where a TOML file or its folder is asked for; {study}") from error
        raise InputError(f"{path}: is not valid TOML ({error})") from error
    except RecursionError as error:
        raise InputError(f"{path}: tables or lists lie too deep inside each other") from error


def _check(content: Any, path: Path, depth: int = 0) -> None:
    """Refuse numbers that no setting has, and control characters, which forge lines on a terminal."""
    if depth > MOST_DEPTH:
        raise InputError(f"{path}: tables or lists lie too deep inside each other")
    if isinstance(content, dict):
        for key, value in content.items():
            _check(key, path)
            _check(value, path, depth + 1)
    elif isinstance(content, list):
        for value in content:
            _check(value, path, depth + 1)
    elif isinstance(content, int) and abs(content) > MOST_INTEGER:
        raise InputError(f"{path}: a whole number has more than {len(str(MOST_INTEGER))} digits")
    elif isinstance(content, str) and (control := _CONTROL.search(content)):
        raise InputError(f"{path}: the control character {control[0]!r} stands in a text")


def validated[T](kind: type[T], content: Mapping[str, Any], *, where: str) -> T:
    """Build ``kind`` from ``content``; ``where`` (a file, a card) opens the message of an error."""
    try:
        return TypeAdapter(kind).validate_python(dict(content))
    except ValidationError as error:
        raise InputError(f"{where}: {_sentence(kind, error)}") from error


def _sentence(kind: type, error: ValidationError) -> str:
    # A misspelt key also makes the right one missing: the typo is what the reader needs to see.
    unknown = ("unexpected_keyword_argument", "extra_forbidden")
    first = min(error.errors(include_url=False), key=lambda problem: problem["type"] not in unknown)
    *parents, key = [str(part) for part in first["loc"]] or ["(top level)"]
    section = f" in [{'.'.join(parents)}]" if parents else ""
    match first["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            return f'unknown key "{key}"{section}; {suggest(key, _keys(kind, parents))}'
        case "missing" | "missing_argument":
            return f'the key "{key}"{section} is missing'
        case "literal_error":
            allowed = str(first["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
            return f'{key} = "{first["input"]}"{section} is not allowed; {suggest(str(first["input"]), allowed)}'
        case _:
            message = first["msg"].removeprefix("Value error, ")
            given = f"{key}{section}" if isinstance(first["input"], Mapping) else f"{key} = {first['input']!r}{section}"
            return f"{given}: {message[0].lower()}{message[1:]}"


def _keys(kind: type, parents: list[str]) -> list[str]:
    """The keys that the table at ``parents`` of ``kind`` may have."""
    for parent in parents:
        hint = get_type_hints(kind).get(parent)
        kind = next((o for o in (hint, *get_args(hint)) if isinstance(o, type) and is_dataclass(o)), kind)
    return [field.name for field in fields(kind)]
