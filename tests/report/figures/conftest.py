"""The values that the tests of figures draw: invented numbers, of which exports hold zero and imports do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).with_name("example_values.json")


@pytest.fixture
def values() -> dict[str, Any]:
    """A fresh copy for each test to change; further sections of the report have example_SECTION.json beside it."""
    files = sorted(EXAMPLE.parent.glob("example_*.json"), key=lambda path: (path != EXAMPLE, path))
    found: dict[str, Any] = {}
    for path in files:
        found |= json.loads(path.read_text(encoding="utf-8"))
    # Product categories say what their own file is; here it is the panel, so that a test changes both.
    found["categories"]["panel"] = found["panel"]
    return found
