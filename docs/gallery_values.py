"""Which numbers does the gallery draw? Those of a small simulated study; run this file to write them anew (minutes).

python docs/gallery_values.py
"""

from __future__ import annotations

import json
import lzma
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
    from bri_bayes.app.study_outline import study_card
    from bri_bayes.app.study_run import study_values
    from bri_bayes.study.study_file import load_study

    study = load_study(STUDY)
    # Few draws, but every section whole: a quick run of the command leaves some out.
    values, _ = study_values(study, {name: study_card(name, STUDY, quick=True) for name in study.models}, quick=True)
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
