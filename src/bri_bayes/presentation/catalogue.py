"""How does a page speak another language? A catalogue of its sentences; what it lacks stays as it is."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable

from bri_bayes.core.resources import shipped

Say = Callable[[str], str]
# English is what the sentences are written in.
LANGUAGES = ("en", "zh")
_PLACE = re.compile(r"\{(\w+)\}")
_ENDS = r"[.?] [A-Z]"
# Where a sentence ends and another begins, and where a list goes on.
_PIECES = ((re.compile(r"(?<=[.?]) (?=[A-Z])"), ""), (re.compile(r", "), "、"))


def speaker(language: str) -> Say:
    """A function from a sentence to the same in ``language``: its parts too, sentence by sentence, item by item."""
    if language == "en":
        return str
    messages = _messages(language)

    @functools.cache
    def say(text: str) -> str:
        for pattern, translation in messages:
            if place := pattern.fullmatch(text):
                parts = place.groupdict()
                said = {name: say(part) for name, part in parts.items()}
                # A name with an "and" in it is no list.
                if said != parts or not _is_a_list(parts):
                    return translation.format_map(said)
        for between, joint in _PIECES:
            pieces = between.split(text)
            told = [say(piece) for piece in pieces] if len(pieces) > 1 else []
            if any(before != after for before, after in zip(pieces, told, strict=False)):
                return joint.join(told)
        return text

    return say


def _is_a_list(parts: dict[str, str]) -> bool:
    return set(parts) == {"first", "second"}


@functools.cache
def _messages(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Patterns with their translation, those with more words of their own first."""
    path = shipped("reports/templates") / f"{language}.toml"
    messages: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))["messages"]
    ordered = sorted(messages, key=lambda message: -len(_PLACE.sub("", message)))
    return tuple((_pattern(message), messages[message]) for message in ordered)


def _pattern(message: str) -> re.Pattern[str]:
    """The words as they are; at a place of one letter a number or a word, at no other the end of a sentence."""
    parts = _PLACE.split(message)
    return re.compile("".join(_group(part) if at % 2 else re.escape(part) for at, part in enumerate(parts)))


def _group(name: str) -> str:
    return f"(?P<{name}>{'[^;() ]' if len(name) == 1 else '.'}(?:(?!{_ENDS}){'[^;() ]' if len(name) == 1 else '.'})*?)"
