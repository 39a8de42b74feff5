"""How does a figure get into an HTML page? As an element with its own ids and nothing in it that loads or runs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bri_bayes.core.errors import InputError

# What Matplotlib writes into an SVG; anything else has no place in a page.
_TAGS = {"svg", "g", "path", "defs", "use", "clipPath", "rect", "text", "tspan"}
_DROPPED = {"metadata", "style", "title"}


def inline_svg(path: Path, name: str, label: str) -> Markup:
    """The SVG of a figure as an element of an HTML page: own ids, no namespaces, nothing that loads or runs."""
    root = ET.parse(path).getroot()
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in _DROPPED:
                parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        if element.tag not in _TAGS:
            raise InputError(f"{path}: a figure of the report cannot hold <{element.tag}>; draw it again")
        element.attrib = {_local(key): _own_id(_local(key), value, name) for key, value in element.attrib.items()}
        if any(key.lower().startswith("on") for key in element.attrib):
            raise InputError(f"{path}: a figure of the report cannot hold an event handler; draw it again")
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"role": "img", "aria-label": label}
    return Markup(ET.tostring(root, encoding="unicode"))


def _local(name: Any) -> str:
    return str(name).rpartition("}")[2]


def _own_id(key: str, value: str, name: str) -> str:
    """Ids are unique in a page, so each figure puts its name before its own."""
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        if not value.startswith("#"):
            raise InputError(f'the figure "{name}" refers to {value}; only parts of itself are allowed')
        return f"#{name}-{value[1:]}"
    return value.replace("url(#", f"url(#{name}-")
