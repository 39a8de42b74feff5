"""Is a file that a study calls official what the services gave? The manifest beside it knows whence its rows came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bri_bayes.core.names import PanelKind

MANIFEST = "manifest.json"
# Of the manifest: the addresses that answered and belong to no service.
ELSEWHERE = "elsewhere"
# How the label of a panel begins whose study calls official what no service gave.
NOT_OFFICIAL = "NOT OFFICIAL DATA"


@dataclass(frozen=True)
class Provenance:
    """What a panel is and where it comes from, for every figure and table that is made of it."""

    kind: PanelKind
    label: str | None
    sources: tuple[str, ...]


def provenance_of_file(
    path: Path | None, stated: PanelKind, label: str | None, sources: Sequence[str] = ()
) -> Provenance:
    """As stated; of rows that the services did not give, who gave them, and no service as their source."""
    kind = kind_of_file(path, stated)
    if kind == stated or path is None:
        return Provenance(stated, label, tuple(sources))
    strangers = _manifest(path).get(ELSEWHERE)
    who = ", ".join(map(str, strangers)) if isinstance(strangers, list) and strangers else "another address"
    meant = f" in place of: {label}" if label else ""
    return Provenance(kind, f"{NOT_OFFICIAL}, but answers of {who}{meant}", ())


def kind_of_file(path: Path | None, stated: PanelKind) -> PanelKind:
    """``stated``, but "user" for a file whose manifest says that it is not official; without a manifest as stated."""
    if stated != "official" or path is None:
        return stated
    manifest = _manifest(path)
    return stated if not manifest or manifest.get("kind") == "official" else "user"


def _manifest(path: Path) -> dict[str, Any]:
    """The manifest beside a file that it names; empty without one."""
    try:
        manifest = json.loads((path.parent / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) and path.name in manifest.get("files", ()) else {}
