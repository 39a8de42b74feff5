"""What was asked, and what came back? Raw answers by content, each with source, query, time and SHA-256.

A folder with one file a content (named by its hash) and one record a call (named by the hash of its address). Both are
written beside and renamed, the content first: a process that dies leaves a call either asked or not.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bri_bayes.core.errors import InputError
from bri_bayes.core.io import write_json, written_beside

# Kinds of answers and how their files end.
KINDS = {"json": ".json", "csv": ".csv"}


@dataclass(frozen=True)
class Call:
    """One question to a service. ``keyed`` : its key goes along, in a header that is written nowhere."""

    source: str
    url: str
    kind: str = "json"
    keyed: bool = False

    @property
    def name(self) -> str:
        """What its record is called."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Record:
    """A call that was answered: ``asked_at`` in UTC (ISO 8601), ``sha256`` and ``size`` (bytes) of the answer."""

    source: str
    url: str
    asked_at: str
    sha256: str
    size: int
    file: str


@dataclass(frozen=True)
class Answer:
    """The record of a call and the bytes that came back."""

    record: Record
    body: bytes


@dataclass(frozen=True)
class Store:
    """The folder of raw answers."""

    folder: Path

    def answer(self, call: Call) -> Answer | None:
        """What was stored for a call; None where nothing was, or where the file is not what it was."""
        try:
            record = TypeAdapter(Record).validate_json(self._record(call).read_bytes())
            body = (self.folder / record.file).read_bytes()
        except (FileNotFoundError, ValidationError):
            return None
        whole = record.url == call.url and hashlib.sha256(body).hexdigest() == record.sha256
        return Answer(record, body) if whole else None

    def keep(self, call: Call, body: bytes, asked_at: str) -> Answer:
        """Store the answer to a call, in place of an earlier one."""
        sha256 = hashlib.sha256(body).hexdigest()
        record = Record(call.source, call.url, asked_at, sha256, len(body), f"{sha256}{KINDS[call.kind]}")
        with written_beside(self.folder / record.file) as temporary:
            temporary.write_bytes(body)
        write_json(self._record(call), asdict(record))
        return Answer(record, body)

    def _record(self, call: Call) -> Path:
        return self.folder / "calls" / f"{call.name}.json"


def read_key(key_file: Path | None, environment: str | None) -> str | None:
    """The key of a service from a file or from the environment; one line of printable ASCII."""
    text = environment
    if key_file is not None:
        try:
            text = key_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{key_file}: the key cannot be read ({type(error).__name__})") from None
    if text is None or not text.strip():
        if key_file is not None:
            raise InputError(f"{key_file}: the file of the key is empty")
        return None
    key = text.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        where = "the environment" if key_file is None else str(key_file)
        raise InputError(f"the key in {where} is not one line of letters and digits")
    return key
