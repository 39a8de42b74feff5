"""Is a file that a study calls official what the services gave? The manifest beside it knows whence its rows came."""

from __future__ import annotations

import json
from pathlib import Path

from bri_bayes.core.names import PanelKind

MANIFEST = "manifest.json"


def kind_of_file(path: Path | None, stated: PanelKind) -> PanelKind:
    """``stated``, but "user" for a file whose manifest says that it is not official; without a manifest as stated."""
    if stated != "official" or path is None:
        return stated
    try:
        manifest = json.loads((path.parent / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return stated
    if not isinstance(manifest, dict) or path.name not in manifest.get("files", ()):
        return stated
    return "official" if manifest.get("kind") == "official" else "user"
