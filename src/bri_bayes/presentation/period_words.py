"""How does a page of quarters or months read? Periods as the file writes them, and their word in place of "year".

Results count periods in ordinals, and sentences are written of years. A panel whose file has other periods says what an
ordinal is called and what a step is; pages, tables and figures pass through here last.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Values = Mapping[str, Any]
Write = Callable[[str], str]

_YEAR = r"\b[Yy]ears?\b"
# A script and a style are code; of the other tags what is said in these attributes is read by people.
_TAGS = re.compile(r"(<script\b.*?</script>|<style\b.*?</style>|<[^>]+>)", re.DOTALL)
_SAID = re.compile(r'(?<=\s)((?:data-label|aria-label|alt|title|descr)=")([^"]*)(")')
_WORD = re.compile(r"[a-z-]+")
# A step in Chinese: its noun, and that after a count. A page in Chinese is written of years, too: 年 after a count or
# the name of a period, and in words.
_CHINESE: Mapping[str, tuple[str, str]] = {
    "half-year": ("半年", "个半年"),
    "quarter": ("季度", "个季度"),
    "month": ("月", "个月"),
    "week": ("周", "周"),
    "day": ("日", "天"),
}
_CHINESE_YEAR = r"(?<=\w) 年|年[均份度]?"


def period_label(values: Values, ordinal: object) -> str | None:
    """What the file calls a period; None where an ordinal is what it has, as a year."""
    label = _labels(values).get(str(ordinal))
    return None if label is None else str(label)


def writer(values: Values) -> Write:
    """A function from a text to the same about the periods of the panel; what the user has named stays as it is."""
    return _writer(values, _labels(values))


def _writer(values: Values, labels: Mapping[str, str]) -> Write:
    unit = str(values.get("panel", {}).get("period_unit", "year"))
    word = "year" if unit.endswith("year") and unit != "half-year" else unit if _WORD.fullmatch(unit) else "period"
    if not labels and word == "year":
        return str
    ordinals = rf"(?<![\w.,])(?:{'|'.join(map(re.escape, labels))})(?!\w|[.,]\d)(?: 年)?" if labels else r"(?!)"
    changed = re.compile(f"{_YEAR}|{ordinals}|{_CHINESE_YEAR}")
    named = sorted({text for text in _of_the_user(values) if changed.search(text)}, key=len, reverse=True)
    kept = "".join(f"{re.escape(form)}|" for text in named for form in dict.fromkeys((text, html.escape(text))))
    noun, counted = _CHINESE.get(word, ("期", "期"))

    def write(place: re.Match[str]) -> str:
        text = place[0]
        if not changed.fullmatch(place.string, *place.span()) or text in named:
            return text
        if (ordinal := text.removesuffix(" 年")) in labels:
            return str(labels[ordinal])
        if text == " 年":
            return "" if place.string[: place.start()].endswith(tuple(labels.values())) else f" {counted}"
        if "年" in text:
            return f"每{noun}" if text == "年均" else noun
        said = word + "s" * text.endswith("s")
        return said.capitalize() if text[0] == "Y" else said

    return lambda text: re.sub(f"{kept}{changed.pattern}", write, text)


def markup_writer(values: Values) -> Write:
    """As ``writer``, of the text between the tags of a page and of what its attributes say; code stays as it is, and a
    label is text."""
    write = _writer(values, {ordinal: html.escape(str(label)) for ordinal, label in _labels(values).items()})
    if write is str:
        return str

    def said(part: str) -> str:
        if not part.startswith("<"):
            return write(part)
        if part.startswith(("<script", "<style")):
            return part
        return _SAID.sub(lambda place: f"{place[1]}{write(place[2])}{place[3]}", part)

    return lambda text: "".join(said(part) for part in _TAGS.split(text))


def _labels(values: Values) -> Mapping[str, str]:
    return values.get("panel", {}).get("period_labels") or {}


def _of_the_user(values: Values) -> Iterator[str]:
    """Names and titles of the study, its outcomes, variables, units and file."""
    study = values.get("study", {})
    yield from (str(study[key]) for key in ("title", "policy", "name") if study.get(key))
    yield from map(str, (study.get("labels") or {}).values())
    yield from map(str, (values.get("unit_names") or {}).values())
    yield from map(str, (values.get("unit_names") or {}).keys())
    yield from (str(outcome["label"]) for outcome in values.get("outcomes", {}).values() if "label" in outcome)
    yield from (str(outcome["units"]) for outcome in values.get("outcomes", {}).values() if outcome.get("units"))
    if values.get("panel", {}).get("label"):
        yield str(values["panel"]["label"])
