"""Which numbers does the gallery draw? Those of a small simulated study; run this file to write them anew (minutes).

python docs/gallery_values.py
"""

from __future__ import annotations

import json
import lzma
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STUDY, STORED = HERE / "gallery.toml", HERE / "gallery_values.json.xz"
# A figure shows no more digits.
_DIGITS = 5


def stored_values() -> dict[str, Any]:
    """The values of the last run."""
    return dict(json.loads(lzma.decompress(STORED.read_bytes())))


def _written() -> Path:
    from bri_bayes.app.study_run import run_study

    with tempfile.TemporaryDirectory() as folder:
        run_study(STUDY, quick=True, out=Path(folder) / "run")
        values = json.loads((Path(folder) / "run" / "values.json").read_text(encoding="utf-8"))
    text = json.dumps(_rounded(values), separators=(",", ":"), ensure_ascii=False)
    STORED.write_bytes(lzma.compress(text.encode(), preset=9))
    return STORED


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return {key: _rounded(item) for key, item in value.items()} if isinstance(value, dict) else value


if __name__ == "__main__":
    print(_written())
