"""What can go wrong, and which exit status the command line gives it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Of more allowed words than this a message lists only the first.
MOST_LISTED = 12


class BriBayesError(Exception):
    """One sentence for the reader: what was found, where, and what is allowed."""

    exit_status = 2


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
    swapped = [option for option in options if option != word and sorted(option) == sorted(word)]
    near = swapped or get_close_matches(word, options, n=1, cutoff=0.5)
    hint = f'did you mean "{near[0]}"? ' if near else ""
    more = f" and {len(options) - MOST_LISTED} more" if len(options) > MOST_LISTED else ""
    return f"{hint}allowed: {', '.join(options[:MOST_LISTED])}{more}"
