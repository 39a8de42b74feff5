"""What can go wrong, and which exit status the command line gives it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

# Of more allowed words than this a message lists only the first.
MOST_LISTED = 12


# Characters that end a line, drive a terminal or turn the direction of a line round.
CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_control(character: str) -> bool:
    """Whether a character may not stand in a name or a message."""
    return unicodedata.category(character) in CONTROL or character in TURNING


def printable(text: str) -> str:
    """The text on one line, control characters written as escapes: a message quotes what a stranger's file says."""
    if text.isprintable():
        return text
    line = text.replace("\r\n", " ").replace("\n", " ")
    return "".join(ascii(character)[1:-1] if is_control(character) else character for character in line)


class BriBayesError(Exception):
    """One sentence for the reader: what was found, where, and what is allowed."""

    exit_status = 2

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class InputError(BriBayesError):
    """Bad usage or bad input: nothing was computed and nothing was written."""


class GateError(BriBayesError):
    """A check or a diagnostic gate failed: there is a result, and it must not be trusted."""

    exit_status = 1


class LostWorkerError(BriBayesError):
    """Worker processes were ended from outside, more than once."""

    exit_status = 3


class StoppedError(BriBayesError):
    """The user pressed Ctrl-C, or the process was asked to end (SIGTERM)."""

    exit_status = 130


def suggest(word: str, allowed: Iterable[str]) -> str:
    """The tail of a message about an unknown word: the nearest allowed one, and the allowed ones (a dozen of many)."""
    options = sorted({str(option) for option in allowed})
    cased = [option for option in options if option.lower() == word.lower()]
    swapped = [option for option in options if option != word and sorted(option) == sorted(word)]
    near = cased or swapped or get_close_matches(word, options, n=1, cutoff=0.5)
    hint = f'did you mean "{near[0]}"? ' if near else ""
    more = f" and {len(options) - MOST_LISTED} more" if len(options) > MOST_LISTED else ""
    return f"{hint}allowed: {', '.join(options[:MOST_LISTED])}{more}"
