"""What is the policy called? Texts say "the policy"; a reader sees the name that the study gives it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

UNNAMED = "the policy"


def policy_of(values: Mapping[str, Any]) -> str:
    """The ``policy`` of the study, or "the policy" where it gives none."""
    return str((values.get("study") or {}).get("policy") or UNNAMED)


def naming_policy(values: Mapping[str, Any], text: str) -> str:
    """``text`` with the name in place of "the policy", in which case it may begin a sentence."""
    name = policy_of(values)
    return re.sub(r"\b[Tt]he policy\b", lambda place: _begun(name, begins=place[0][0] == "T"), text)


def _begun(name: str, *, begins: bool) -> str:
    return f"{name[0].upper()}{name[1:]}" if begins else name
