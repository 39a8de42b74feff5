"""What do the bytes of a text file say, and which texts of its cells mean nothing? UTF-8, or what the user states."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from bri_bayes.core.errors import InputError

DELIMITERS = (",", ";", "\t")
EXAMPLES = "utf-8, latin-1, cp1252, gbk, big5, shift_jis, utf-16"
# How a message names the option of a command and the key of a study.
OPTION = "--encoding (in a study: encoding in [panel])"


@dataclass(frozen=True)
class TextFormat:
    """The text of a file where the user states it. ``encoding`` : None for UTF-8; ``missing`` : cells that
    mean missing, beside those that always do.
    """

    encoding: str | None = None
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.encoding is None:
            return
        try:
            is_text = codecs.lookup(self.encoding)._is_text_encoding
        except (LookupError, ValueError):
            is_text = False
        if not is_text:
            raise InputError(f'{OPTION} "{self.encoding}" is unknown; known are {EXAMPLES} and others')

    def is_missing(self, cell: str) -> bool:
        """Whether the cell is one of those that the user says mean missing."""
        return cell.strip() in self.missing


# Nothing stated: UTF-8, and the usual ways to write a missing cell.
AS_USUAL = TextFormat()


def decoded(content: bytes, text: TextFormat, where: str) -> str:
    """The text of a file, or one sentence that names the option."""
    if text.encoding is not None:
        return _as_stated(content, text.encoding, where)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(
            f"{where}: is UTF-16, as its first bytes say; give {OPTION} utf-16, or save it as CSV in UTF-8"
        )
    if b"\0" in content:
        raise InputError(
            f"{where}: byte {content.index(0)} is NUL, so this is not a text file in UTF-8; save it as one, or give "
            f"{OPTION} if it is UTF-16"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        saved = 'save the file as CSV in UTF-8 (in Excel "CSV UTF-8")'
        raise InputError(f"{where}: byte {error.start} is not UTF-8; say its {OPTION}, or {saved}") from error


def _as_stated(content: bytes, encoding: str, where: str) -> str:
    try:
        read = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        at = f"byte {error.start}" if isinstance(error, UnicodeDecodeError) else "the text"
        raise InputError(f"{where}: {at} is not {encoding}, which {OPTION} says") from error
    if "\0" in read or not any(mark in read for mark in DELIMITERS):
        raise InputError(f"{where}: as {encoding}, which {OPTION} says, it has no columns; is it another encoding?")
    return read
