"""How does a typed result become JSON values, and come back as what it was?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from bri_bayes.core.result_text import html_text, short_text

# What a result may hold that has no class of its own: numbers and words, in lists and by name.
type Value = float | int | str | bool | Sequence[Value] | Mapping[str, Value] | None

# What JSON has, too.
_AS_THEY_ARE = frozenset({str, int, bool, type(None)})


class Result:
    """A frozen dataclass that is written as JSON: a field a key, in the order of the class.

    A field that is None by default and has nothing else is left out.
    """

    # When it is read back from JSON, a key that is no field is an error.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __init_subclass__(cls) -> None:
        """A dataclass keeps what its class has already: the short text in place of every entry of every list."""
        super().__init_subclass__()
        cls.__repr__ = short_text  # type: ignore[method-assign]

    def _repr_html_(self) -> str:
        """The tables of a notebook."""
        return html_text(self)

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        content = {field.name: getattr(self, field.name) for field in fields}
        absent = {field.name for field in fields if field.default is None and content[field.name] is None}
        return {name: json_safe(value) for name, value in content.items() if name not in absent}


def json_safe(value: Any) -> Any:
    """Results as their fields, NaN and infinity as None, NumPy scalars and arrays as Python numbers, keys as text."""
    kind = type(value)
    if kind in _AS_THEY_ARE or (kind is float and math.isfinite(value)):  # nearly all there is
        return value
    if hasattr(value, "as_dict"):
        content = value.as_dict()
        return content if kind.as_dict is Result.as_dict else json_safe(content)
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.ndim:
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [json_safe(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_json[T](kind: type[T], value: Any) -> T:
    """The result of class ``kind`` that was written as ``value``."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind).validate_python(value)
