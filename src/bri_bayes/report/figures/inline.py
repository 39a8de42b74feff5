"""How does a figure get into an HTML page? As an element with its own ids and nothing in it that loads or runs; its
size and the texts over its body stand beside it: a page knows its place before it is drawn, and says on a narrow
screen what would be cut."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bri_bayes.core.errors import InputError

# What Matplotlib writes into an SVG; anything else has no place in a page.
_TAGS = {"svg", "g", "path", "defs", "use", "clipPath", "rect", "text", "tspan"}
_DROPPED = {"metadata", "style", "title"}
# The groups of the texts over the body of a figure; "title" is the end of the id of a section's heading.
ALARM, MESSAGE, READING = "alarm", "message", "reading"
_BELOW = 4.0  # points that a line of text reaches below its place, with room
# The width of a usual figure, in points; a narrower one keeps the size of its letters.
_USUAL = 720.0


@dataclass(frozen=True)
class Inlined:
    """An SVG as an element. ``width`` : of that of a usual figure; ``tall`` : height over width, of which the texts
    over the body take ``head``."""

    svg: Markup
    width: float
    tall: float
    head: float
    alarm: str
    message: str
    reading: str


def inline_svg(path: Path, name: str, label: str) -> Inlined:
    """The SVG of a figure as an element of an HTML page: own ids, no namespaces, nothing that loads or runs."""
    root = ET.parse(path).getroot()
    texts = {key: _words(root, key) for key in (ALARM, MESSAGE, READING)}
    head = _end_of_head(root)
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
    wide, high = (float(size) for size in root.attrib["viewBox"].split()[2:])
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"role": "img", "aria-label": label}
    svg = Markup(ET.tostring(root, encoding="unicode"))
    return Inlined(svg, round(wide / _USUAL, 4), round(high / wide, 4), round(head / wide, 4), **texts)


def _words(root: ET.Element, group: str) -> str:
    """The words of a group, nothing where a figure of an earlier version does not have it."""
    place = root.find(f".//*[@id='{group}']")
    return "" if place is None else " ".join(" ".join(place.itertext()).split())


def _end_of_head(root: ET.Element) -> float:
    """Where the last line of the reading help ends, in points from the top; 0 where a figure has none."""
    lines = root.findall(f".//*[@id='{READING}']//{{*}}text")
    return float(lines[-1].attrib["transform"].rstrip(")").split()[-1]) + _BELOW if lines else 0.0


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
